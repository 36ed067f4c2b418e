package metronome

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The two ways of serving must look the same.
var ways = map[string]func(context.Context, net.Listener, Options) ([]*Request, error){"Serve": Serve, "plain": servePlain}

func testOptions() Options {
	return Options{Interval: 2 * time.Millisecond, TTFT: 5 * time.Millisecond, Models: []string{"m", "other"}, Root: "/models/m",
		MaxModelLen: 4096, Version: "0.32.0"}
}

// running is a server under test.
type running struct {
	url, address string
	// end stops it and returns the truth.
	end func() []*Request
}

func start(t testing.TB, serve func(context.Context, net.Listener, Options) ([]*Request, error), o Options) running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var truth []*Request
	var failed error
	var serving sync.WaitGroup
	serving.Go(func() { truth, failed = serve(ctx, l, o) })
	end := sync.OnceFunc(func() {
		cancel()
		serving.Wait()
		if failed != nil {
			t.Errorf("serving: %v", failed)
		}
	})
	t.Cleanup(end)
	return running{"http://" + l.Addr().String(), l.Addr().String(), func() []*Request { end(); return truth }}
}

func body(tokens int) string {
	return fmt.Sprintf(`{"model":"m","prompt":[1,2,3],"max_tokens":%d,"stream":true,"stream_options":{"include_usage":true}}`, tokens)
}

// streamed is a response as a client sees it.
type streamed struct {
	sent   []int64 // the stamps in the events
	finish []string
	usage  string
	done   bool
}

func complete(t testing.TB, url, id, body string) streamed {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url+"/v1/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", id)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, want := resp.Header.Get("Content-Type"), "text/event-stream; charset=utf-8"; got != want || resp.StatusCode != 200 {
		t.Fatalf("status %d, content type %q; want 200, %q", resp.StatusCode, got, want)
	}
	var s streamed
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			s.event(t, id, data)
		}
	}
	return s
}

func (s *streamed) event(t testing.TB, id, data string) {
	if data == "[DONE]" {
		s.done = true
		return
	}
	var e struct {
		ID      string
		Choices []struct {
			Text   string
			Finish *string `json:"finish_reason"`
		}
		Usage json.RawMessage
		Sent  int64 `json:"sent_ns"`
	}
	if err := json.Unmarshal([]byte(data), &e); err != nil || e.ID != "cmpl-"+id {
		t.Fatalf("event %s: %v", data, err)
	}
	if len(e.Choices) == 0 {
		s.usage = string(e.Usage)
		return
	}
	s.sent = append(s.sent, e.Sent)
	finish := "null"
	if e.Choices[0].Finish != nil {
		finish = *e.Choices[0].Finish
	}
	s.finish = append(s.finish, finish)
}

// TestStreams: what the events say is what the truth says, streams at once and one after the other on a connection.
func TestStreams(t *testing.T) {
	for name, serve := range ways {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			s := start(t, serve, o)
			const streams, tokens = 8, 10
			got := make([]streamed, streams)
			for range 2 {
				var at sync.WaitGroup
				for i := range streams {
					at.Go(func() { got[i] = complete(t, s.url, fmt.Sprint("r", i), body(tokens)) })
				}
				at.Wait()
			}
			truth := s.end()
			if len(truth) != 2*streams {
				t.Fatalf("requests in the truth: got %d, want %d", len(truth), 2*streams)
			}
			byID := map[string]*Request{}
			for _, r := range truth {
				byID[r.ID] = r
				checkSchedule(t, r, o)
			}
			for i := range streams {
				r := byID[fmt.Sprint("r", i)]
				if diff := cmp.Diff(r.SentNS, got[i].sent); diff != "" {
					t.Errorf("stream %d: stamps (-truth +events):\n%s", i, diff)
				}
				if want := strings.Repeat("null ", tokens-1) + "length"; strings.Join(got[i].finish, " ") != want {
					t.Errorf("finish reasons: got %v, want %s", got[i].finish, want)
				}
				want := fmt.Sprintf(`{"prompt_tokens":3,"total_tokens":%d,"completion_tokens":%d}`, tokens+3, tokens)
				if got[i].usage != want || !got[i].done {
					t.Errorf("usage %s, done %t; want %s, true", got[i].usage, got[i].done, want)
				}
			}
		})
	}
}

// checkSchedule: no token before it was due, and each as late as the truth says.
func checkSchedule(t *testing.T, r *Request, o Options) {
	t.Helper()
	if r.Cut || r.PromptTokens != 3 || len(r.SentNS) != r.MaxTokens || len(r.LateNS) != r.MaxTokens {
		t.Fatalf("request: got %+v, want a whole one", r)
	}
	for i, at := range r.SentNS {
		late := at - r.ReceivedNS - int64(o.TTFT) - int64(i)*int64(o.Interval)
		if late < 0 || late != int64(r.LateNS[i]) {
			t.Errorf("token %d was %d ns late, and is said to have been %d", i, late, r.LateNS[i])
		}
	}
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/health", "", 200, ""},
		{"GET", "/version", "", 200, `{"version":"0.32.0"}`},
		{"GET", "/v1/models", "", 200, `"id":"m"`},
		{"GET", "/v1/models", "", 200, `"id":"other","object":"model"`},
		{"GET", "/v1/models", "", 200, `"root":"/models/m"`},
		{"GET", "/v1/models", "", 200, `"max_model_len":4096`},
		{"GET", "/metrics", "", 200, "# "},
		{"GET", "/nothing", "", 404, `{"detail":"Not Found"}`},
		{"GET", "/v1/completions", "", 405, "Method Not Allowed"},
		{"POST", "/health", "", 405, "Method Not Allowed"},
		{"POST", "/v1/completions", "{", 400, "unexpected end of JSON input"},
		{"POST", "/v1/completions", `{"model":"x","prompt":[1],"stream":true}`, 400, `model \"x\" does not exist; served: m, other`},
		{"POST", "/v1/completions", `{"prompt":[1]}`, 400, "stream: a metronome only streams"},
		{"POST", "/v1/completions", `{"prompt":[],"stream":true}`, 400, "want one prompt"},
		{"POST", "/v1/completions", `{"prompt":["a","b"],"stream":true}`, 400, "want one prompt"},
		{"POST", "/v1/completions", `{"prompt":[1],"stream":true,"max_tokens":0}`, 400, "max_tokens: got 0; allowed 1 to"},
	}
	for name, serve := range ways {
		s := start(t, serve, testOptions())
		for _, tt := range tests {
			req, err := http.NewRequest(tt.method, s.url+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatalf("%s: %s %s: %v", name, tt.method, tt.path, err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != tt.status || !strings.Contains(string(got), tt.want) || err != nil {
				t.Errorf("%s: %s %s %s: got %d %s, %v; want %d %s", name, tt.method, tt.path, tt.body, resp.StatusCode, got, err,
					tt.status, tt.want)
			}
		}
		if truth := s.end(); len(truth) != 0 {
			t.Errorf("%s: requests in the truth: got %d, want 0", name, len(truth))
		}
	}
}

// TestConnection: requests in pieces, one behind the other, and a client that wants no further response.
func TestConnection(t *testing.T) {
	for name, serve := range ways {
		t.Run(name, func(t *testing.T) {
			s := start(t, serve, testOptions())
			c, err := net.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			text := fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
				len(body(3)), body(3)) +
				"GET /version HTTP/1.1\r\nHost: m\r\n\r\n" +
				"GET /health HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n"
			for part := range strings.SplitAfterSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
				if part == "" {
					part = "\r\n" // the last, with which the server may close
				}
				if _, err := io.WriteString(c, part); err != nil {
					t.Fatalf("writing %q: %v", part, err)
				}
			}
			all, err := io.ReadAll(c)
			if err != nil {
				t.Fatal(err)
			}
			for want, n := range map[string]int{"HTTP/1.1 200 OK\r\n": 3, "sent_ns": 3, "data: [DONE]\n\n\r\n0\r\n\r\n": 1, `{"version":"0.32.0"}`: 1} {
				if got := bytes.Count(all, []byte(want)); got != n {
					t.Errorf("%q: got %d, want %d, in\n%s", want, got, n, all)
				}
			}
			if truth := s.end(); len(truth) != 1 || truth[0].ID != "metronome-1" || truth[0].Cut {
				t.Errorf("truth: got %+v, want a whole request with an id of the server's", truth)
			}
		})
	}
}

// TestLeft: a client that leaves cuts its stream, and nobody else's.
func TestLeft(t *testing.T) {
	for name, serve := range ways {
		t.Run(name, func(t *testing.T) {
			s := start(t, serve, testOptions())
			c, err := net.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			long := body(maxTokens)
			fmt.Fprintf(c, "POST /v1/completions HTTP/1.1\r\nHost: m\r\nX-Request-Id: leaves\r\nContent-Length: %d\r\n\r\n%s", len(long), long)
			if _, err := bufio.NewReader(c).ReadString('{'); err != nil {
				t.Fatal(err)
			}
			c.Close()
			if got := complete(t, s.url, "stays", body(10)); !got.done {
				t.Error("the other stream did not get to its end")
			}
			for _, r := range s.end() {
				if cut := r.ID == "leaves"; r.Cut != cut {
					t.Errorf("%s: cut %t, want %t", r.ID, r.Cut, cut)
				}
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Models: []string{"m"}}, {Interval: 1}, {Interval: 1, TTFT: -1, Models: []string{"m"}}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Serve(t.Context(), l, o); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}
