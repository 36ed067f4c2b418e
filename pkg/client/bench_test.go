package client

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// event is what vLLM 0.32.0 sends for a token.
const event = `data: {"id":"cmpl-llama3-8b-1k-20261123-full-1023","object":"text_completion","created":1795476122,"model":"Meta-Llama-3-8B-Instruct@20261123-full","choices":[{"index":0,"text":" the","logprobs":null,"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":null}]}` + "\n\n"

// BenchmarkReadEvent reads a stream: cutting into lines, decoding, stamping.
func BenchmarkReadEvent(b *testing.B) {
	const n = 1024
	body := bytes.Repeat([]byte(event), n)
	buf := make([]byte, lineBuffer)
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for done := 0; done < b.N; done += n {
		var r Result
		a := &answer{res: &r, expect: n}
		if err := a.read(newLines(bytes.NewReader(body), buf, maxLine, byUser())); err != io.EOF || r.Chunks != n {
			b.Fatalf("%d chunks, %v", r.Chunks, err)
		}
	}
}

func BenchmarkDecodeFast(b *testing.B) { benchmarkDecode(b, mustFast) }

func BenchmarkDecodeSlow(b *testing.B) { benchmarkDecode(b, decodeSlow) }

func mustFast(b []byte) (chunk, error) {
	c, ok := decodeFast(b)
	if !ok {
		return chunk{}, io.ErrUnexpectedEOF
	}
	return c, nil
}

func benchmarkDecode(b *testing.B, decode func([]byte) (chunk, error)) {
	text := bytes.TrimPrefix([]byte(event), []byte("data: "))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if c, err := decode(text); err != nil || !c.tokens {
			b.Fatal(c, err)
		}
	}
}

func BenchmarkEncodePrompt(b *testing.B) {
	for _, n := range []int{1024, 8192, 32768, 131072} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			prompt := make([]int32, n)
			for i := range prompt {
				prompt[i] = int32(i*7919) % 128256
			}
			b.ReportAllocs()
			for b.Loop() {
				EncodeCompletion(Completion{Model: "m", Prompt: prompt, MaxTokens: 1024})
			}
		})
	}
}

// BenchmarkComplete is a whole request of 256 tokens over loopback, server included.
func BenchmarkComplete(b *testing.B) {
	const n = 256
	s := streaming(b, string(bytes.Repeat([]byte(event), n))+second+counts+end)
	c := newClient(b, s.URL)
	req := request(n + 1)
	b.ReportAllocs()
	for b.Loop() {
		if r := c.Complete(b.Context(), req, nil); r.Chunks != n+1 {
			b.Fatal(r.ErrorClass, r.Error)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
}
