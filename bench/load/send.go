package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	attempts = 200
	pause    = 20 * time.Millisecond
	deadline = 60 * time.Second
)

// frame is one request of a file that bench/workloads.py wrote: two big-endian uint32, the length of the message and
// the number of its spans, and then the message.
type frame struct {
	body  message
	spans int64
}

// send sends n requests, over and over the frames of the file, and prints a line of JSON.
func send(args []string) error {
	flags := flag.NewFlagSet("send", flag.ExitOnError)
	target := flags.String("target", "", "address to send to")
	file := flags.String("frames", "", "file of frames")
	n := flags.Int64("n", 1, "requests to send in all")
	conns := flags.Int("conns", 4, "connections")
	inflight := flags.Int("inflight", 4, "requests under way on each connection")
	rate := flags.Float64("rate", 0, "requests a second in all; 0: as many as are answered")
	flags.Parse(args)

	frames, err := readFrames(*file)
	if err != nil {
		return err
	}
	s := sender{frames: frames, n: *n, rate: *rate, start: time.Now(), codes: map[string]int{}}
	var senders sync.WaitGroup
	for range *conns {
		conn, err := grpc.NewClient(*target,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}), grpc.MaxCallSendMsgSize(maxBytes)))
		if err != nil {
			return err
		}
		defer conn.Close()
		for range *inflight {
			senders.Go(func() { s.run(conn) })
		}
	}
	senders.Wait()
	return json.NewEncoder(os.Stdout).Encode(s.report())
}

func readFrames(file string) ([]frame, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var frames []frame
	for len(raw) >= 8 {
		length, spans := binary.BigEndian.Uint32(raw), binary.BigEndian.Uint32(raw[4:])
		frames = append(frames, frame{message(raw[8 : 8+length]), int64(spans)})
		raw = raw[8+length:]
	}
	if len(frames) == 0 {
		return nil, errors.New("no frames in " + file)
	}
	return frames, nil
}

type sender struct {
	frames []frame
	n      int64
	rate   float64
	start  time.Time

	next, requests, spans, bytes, retries, failed atomic.Int64

	mu        sync.Mutex
	latencies []time.Duration
	codes     map[string]int
}

// run sends until n requests have been begun.
func (s *sender) run(conn *grpc.ClientConn) {
	for {
		k := s.next.Add(1) - 1
		if k >= s.n {
			return
		}
		if s.rate > 0 {
			time.Sleep(time.Until(s.start.Add(time.Duration(float64(k) / s.rate * float64(time.Second)))))
		}
		s.deliver(conn, s.frames[k%int64(len(s.frames))])
	}
}

// deliver repeats a request that is refused, as an exporter does whose queue is patient.
func (s *sender) deliver(conn *grpc.ClientConn, f frame) {
	for range attempts {
		if s.attempt(conn, f.body) {
			s.requests.Add(1)
			s.spans.Add(f.spans)
			s.bytes.Add(int64(len(f.body)))
			return
		}
		s.retries.Add(1)
		time.Sleep(pause)
	}
	s.failed.Add(1)
}

func (s *sender) attempt(conn *grpc.ClientConn, body message) bool {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var response message
	began := time.Now()
	err := conn.Invoke(ctx, method, &body, &response)
	took := time.Since(began)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.latencies = append(s.latencies, took)
	if err != nil {
		s.codes[status.Code(err).String()]++
	}
	return err == nil
}

func (s *sender) report() map[string]any {
	seconds := time.Since(s.start).Seconds()
	slices.Sort(s.latencies)
	milliseconds := func(quantile float64) float64 {
		return float64(s.latencies[int(float64(len(s.latencies)-1)*quantile)].Microseconds()) / 1000
	}
	return map[string]any{
		"seconds": seconds, "requests": s.requests.Load(), "spans": s.spans.Load(), "bytes": s.bytes.Load(),
		"retries": s.retries.Load(), "failed": s.failed.Load(), "codes": s.codes,
		"p50_ms": milliseconds(0.5), "p99_ms": milliseconds(0.99), "max_ms": milliseconds(1),
	}
}
