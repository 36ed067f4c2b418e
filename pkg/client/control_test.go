package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newControl(t *testing.T, url string) *Control {
	t.Helper()
	c, err := NewControl(url, ControlOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.retry.RetryWaitMin, c.retry.RetryWaitMax = time.Microsecond, time.Microsecond
	return c
}

func TestControlOnCapturedAnswers(t *testing.T) {
	if err := newControl(t, replay(t, captured(t, "health"))).Health(t.Context()); err != nil {
		t.Errorf("health: %v", err)
	}
	version, err := newControl(t, replay(t, captured(t, "version"))).Version(t.Context())
	if version != "0.32.0" || err != nil {
		t.Errorf("version: got %q, %v", version, err)
	}
	models, err := newControl(t, replay(t, captured(t, "models"))).Models(t.Context())
	want := []ModelInfo{{ID: "tiny-llama@wire-full", Root: "/models/tiny-llama", MaxModelLen: 2048}}
	if diff := cmp.Diff(want, models); diff != "" || err != nil {
		t.Errorf("models: %v\n%s", err, diff)
	}
}

// answers gives each request the next of some answers, the last one for ever, and counts.
func answers(t *testing.T, calls *atomic.Int64, all ...http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1))
		all[min(n, len(all))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

func breaks(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestControlErrors(t *testing.T) {
	const dead = `{"error":{"message":"EngineCore encountered an issue","type":"InternalServerError","param":null,"code":503}}`
	health := func(c *Control) error { return c.Health(t.Context()) }
	models := func(c *Control) error { _, err := c.Models(t.Context()); return err }
	version := func(c *Control) error { _, err := c.Version(t.Context()); return err }
	metrics := func(c *Control) error { _, err := c.Metrics(t.Context()); return err }
	for _, tt := range []struct {
		name    string
		call    func(*Control) error
		answers []http.HandlerFunc
		want    string
		calls   int64
	}{
		{"health is asked once", health, []http.HandlerFunc{says(503, dead), says(200, "")}, "GET /health: status 503: EngineCore encountered an issue", 1},
		{"health with an empty body", health, []http.HandlerFunc{says(500, "")}, "GET /health: status 500: ", 1},
		{"the last answer's body is kept", version, []http.HandlerFunc{breaks, says(500, "first"), says(503, dead)}, "GET /version: status 503: EngineCore encountered an issue", 4},
		{"a failure that passes", version, []http.HandlerFunc{breaks, says(503, dead), says(429, ""), says(200, `{"version":"0.6.3"}`)}, "", 4},
		{"not found is final", version, []http.HandlerFunc{says(404, `{"detail":"Not Found"}`)}, "GET /version: status 404: Not Found", 1},
		{"a redirect is not followed", version, []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}}, `GET /version: status 302: <a href="/elsewhere">Found</a>.`, 1},
		{"version without a version", version, []http.HandlerFunc{says(200, `{}`)}, `GET /version: got "{}", want a version`, 1},
		{"version as text", version, []http.HandlerFunc{says(200, `0.32.0`)}, `GET /version: decoding "0.32.0": invalid character '.' after top-level value`, 1},
		{"models without a list", models, []http.HandlerFunc{says(200, `{"object":"list"}`)}, `GET /v1/models: got "{\"object\":\"list\"}", want a list under data`, 1},
		{"models as a page", models, []http.HandlerFunc{says(200, `<html>`)}, `GET /v1/models: decoding "<html>": invalid character '<' looking for beginning of value`, 1},
		{"metrics", metrics, []http.HandlerFunc{says(200, "vllm:x 1\n")}, "", 1},
		{"metrics switched off", metrics, []http.HandlerFunc{says(404, `{"detail":"Not Found"}`)}, "GET /metrics: status 404: Not Found", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int64
			err := tt.call(newControl(t, answers(t, &calls, tt.answers...)))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if calls.Load() != tt.calls {
				t.Errorf("the server was asked %d times, want %d", calls.Load(), tt.calls)
			}
		})
	}
}

func TestControlModelsWithAdapters(t *testing.T) {
	var calls atomic.Int64
	url := answers(t, &calls, says(200, `{"object":"list","data":[
		{"id":"base","root":"/m","parent":null,"max_model_len":2048},{"id":"a","root":"/lora/a","parent":"base","max_model_len":null}]}`))
	got, err := newControl(t, url).Models(t.Context())
	want := []ModelInfo{{ID: "base", Root: "/m", MaxModelLen: 2048}, {ID: "a", Root: "/lora/a", Parent: "base"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestControlConnectionRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	c := newControl(t, "http://"+listener.Addr().String())
	if err := c.Health(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasPrefix(err.Error(), "GET /health: ") {
		t.Errorf("health: got %v", err)
	}
	if _, err := c.Version(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("version: got %v", err)
	}
}

func TestControlGivesUpWhenCancelled(t *testing.T) {
	var calls atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	url := answers(t, &calls, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if _, err := newControl(t, url).Metrics(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if calls.Load() != 1 {
		t.Errorf("the server was asked %d times, want 1", calls.Load())
	}
}

func TestControlTimeout(t *testing.T) {
	var calls atomic.Int64
	release := make(chan struct{})
	url := answers(t, &calls, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	c, err := NewControl(url, ControlOptions{Timeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if err := c.Health(t.Context()); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfterIsCapped(t *testing.T) {
	resp := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"3600"}}}
	if got := cappedBackoff(controlWait, controlWaitMax, 0, resp); got != controlWaitMax {
		t.Errorf("got %v, want %v", got, controlWaitMax)
	}
	if got := cappedBackoff(controlWait, controlWaitMax, 1, nil); got != 2*controlWait {
		t.Errorf("got %v, want %v", got, 2*controlWait)
	}
}

func TestNewControlRefusesBadAddresses(t *testing.T) {
	if _, err := NewControl("localhost:8000", ControlOptions{}); err == nil {
		t.Error("no error")
	}
}
