package main

import "google.golang.org/grpc/mem"

// message is an encoded protobuf message, taken for bytes.
type message []byte

// codec lets gRPC carry messages as they are.
type codec struct{}

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*message))}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*message) = data.Materialize()
	return nil
}

// Name is what stands in the content type: to the other side these are ordinary protobuf messages.
func (codec) Name() string { return "proto" }
