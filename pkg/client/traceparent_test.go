package client

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
)

func TestTraceParent(t *testing.T) {
	form := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`)
	seen := map[string]string{}
	for _, id := range []string{"", "run-full-0", "run-full-1", "run-summarization-0"} {
		r := Request{TraceParent: TraceParent(id)}
		if !form.MatchString(r.TraceParent) || r.TraceParent != TraceParent(id) {
			t.Errorf("%q: got %q, then %q", id, r.TraceParent, TraceParent(id))
		}
		if got, want := r.TraceID(), r.TraceParent[3:35]; got != want {
			t.Errorf("%q: got trace id %q, want %q", id, got, want)
		}
		if other, twice := seen[r.TraceID()]; twice {
			t.Errorf("%q and %q have the same trace id", id, other)
		}
		seen[r.TraceID()] = id
	}
	if got := (&Request{}).TraceID(); got != "" {
		t.Errorf("no trace: got trace id %q", got)
	}
}

func TestTraceParentIsSent(t *testing.T) {
	sent := make(chan []string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent <- r.Header.Values("traceparent")
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write([]byte(first + second + counts + end))
	}))
	t.Cleanup(s.Close)
	req := request(2)
	r, _ := complete(t, s.URL, req)
	if got := <-sent; r.ErrorClass != "" || len(got) != 0 {
		t.Errorf("none asked for: got %q, error %s", got, r.Error)
	}
	req.TraceParent = TraceParent(req.ID)
	r, _ = complete(t, s.URL, req)
	if got := <-sent; r.ErrorClass != "" || len(got) != 1 || got[0] != req.TraceParent {
		t.Errorf("got %q, error %s; want %s", got, r.Error, req.TraceParent)
	}
}
