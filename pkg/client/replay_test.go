package client

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// replay answers every connection's first request with the same bytes and closes.
func replay(t *testing.T, response []byte) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				if _, err := io.Copy(io.Discard, req.Body); err != nil {
					return
				}
				c.Write(response)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// captured is a response as vLLM 0.32.0 wrote it to the socket.
func captured(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "vllm-0.32.0", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newClient(t testing.TB, url string) *Client {
	t.Helper()
	c, err := New(Options{BaseURL: url, Connections: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// request asks for an output of at most most tokens for a prompt of 64.
func request(most int) *Request {
	return &Request{
		ID:           "run-full-0",
		Body:         EncodeCompletion(Completion{Model: "m", Prompt: make([]int32, 64), MaxTokens: most, IgnoreEOS: true}),
		PromptTokens: 64,
		MaxTokens:    most,
	}
}

func complete(t testing.TB, url string, req *Request) (Result, int64) {
	t.Helper()
	var tokens atomic.Int64
	r := newClient(t, url).Complete(t.Context(), req, &tokens)
	return r, tokens.Load()
}

// streaming serves text as an event stream.
func streaming(t testing.TB, text string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s
}

// The events of a small answer: two tokens for a prompt of 64.
const (
	first  = `data: {"id":"cmpl-1","object":"text_completion","choices":[{"index":0,"text":"a","finish_reason":null}]}` + "\n\n"
	second = `data: {"id":"cmpl-1","object":"text_completion","choices":[{"index":0,"text":"","finish_reason":"length","stop_reason":null}]}` + "\n\n"
	counts = `data: {"id":"cmpl-1","object":"text_completion","choices":[],"usage":{"prompt_tokens":64,"total_tokens":66,"completion_tokens":2}}` + "\n\n"
	end    = "data: [DONE]\n\n"
)

func intp(n int) *int { return &n }

// withCause returns a context that is cancelled with a cause by the returned function.
func withCause(t testing.TB) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, cancel
}

// ordered fails unless the instants are all reached and in order.
func ordered(t *testing.T, instants ...time.Time) {
	t.Helper()
	for i, at := range instants {
		if at.IsZero() {
			t.Errorf("instant %d was not reached", i)
		}
		if i > 0 && at.Before(instants[i-1]) {
			t.Errorf("instant %d is %v before instant %d", i, instants[i-1].Sub(at), i-1)
		}
	}
}
