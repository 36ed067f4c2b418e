package metronome

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestSlowReader: a reader that takes nothing for a while holds up nobody, misses nothing, and is told of.
func TestSlowReader(t *testing.T) {
	o := testOptions()
	o.Interval, o.TTFT = 20*time.Microsecond, 0
	s := start(t, Serve, o)
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	const tokens = 40_000
	text := body(tokens)
	fmt.Fprintf(c, "POST /v1/completions HTTP/1.1\r\nHost: m\r\nX-Request-Id: slow\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		len(text), text)
	// The slow one's tokens are all due by the time that as many of another stream have come.
	if got := complete(t, s.url, "quick", body(tokens)); len(got.sent) != tokens || !got.done {
		t.Errorf("the other stream: got %d tokens, done %t", len(got.sent), got.done)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(all), "sent_ns"); got != tokens {
		t.Errorf("tokens of the slow reader: got %d, want %d", got, tokens)
	}
	for _, r := range s.end() {
		if r.ID == "slow" && (r.Cut || r.Buffered == 0 || len(r.SentNS) != tokens) {
			t.Errorf("truth of the slow reader: %d sent, %d buffered, cut %t; want %d, some, false", len(r.SentNS), r.Buffered, r.Cut, tokens)
		}
	}
}
