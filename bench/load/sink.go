package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"google.golang.org/grpc"
)

// mark begins the trace id of every generated span, so that spans can be counted without parsing.
var mark = []byte("otelload")

type received struct {
	requests, spans, bytes atomic.Int64
}

// sink prints `listening HOST:PORT`, takes every request, and answers each line on its standard input with a line of
// JSON: what it has received so far. It ends with its input.
func sink(args []string) error {
	flags := flag.NewFlagSet("sink", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to listen on")
	flags.Parse(args)

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	var got received
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(codec{}),
		grpc.MaxRecvMsgSize(maxBytes),
		grpc.UnknownServiceHandler(got.take),
	)
	go server.Serve(listener)
	fmt.Println("listening", listener.Addr())

	answers := json.NewEncoder(os.Stdout)
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		answers.Encode(map[string]int64{
			"requests": got.requests.Load(), "spans": got.spans.Load(), "bytes": got.bytes.Load(),
		})
	}
	server.Stop()
	return nil
}

// take serves a unary call, whatever its method. OTLP's empty response means that all was taken.
func (r *received) take(_ any, stream grpc.ServerStream) error {
	var request message
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	r.requests.Add(1)
	r.spans.Add(int64(bytes.Count(request, mark)))
	r.bytes.Add(int64(len(request)))
	return stream.SendMsg(&message{})
}
