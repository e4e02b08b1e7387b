// Command load sends prepared OTLP trace requests over gRPC, or takes them and throws them away.
//
//	load sink [-listen 127.0.0.1:0]
//	load send -target HOST:PORT -frames FILE -n REQUESTS [-conns 4] [-inflight 4] [-rate 0]
//
// Neither side parses what it carries, so that little is spent beside the process that is measured.
package main

import (
	"fmt"
	"os"
)

const (
	method   = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	maxBytes = 256 << 20
)

func main() {
	commands := map[string]func([]string) error{"send": send, "sink": sink}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: load send|sink [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
