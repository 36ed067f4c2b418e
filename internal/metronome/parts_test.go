package metronome

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestSchedule(t *testing.T) {
	const ttft, interval, streams, tokens = 70, 20, 150, 5
	random := rand.New(rand.NewPCG(1, 2))
	var s schedule[int]
	left := map[int]int{}
	var got, want []int64
	now := int64(0)
	take := func(until int64) {
		for due, ok := s.next(); ok && due <= until; due, ok = s.next() {
			v := s.take()
			got = append(got, due)
			if left[v]--; left[v] > 0 {
				s.again(due+interval, v)
			}
		}
	}
	for i := range streams {
		now += random.Int64N(15)
		take(now)
		s.begin(now+ttft, i)
		left[i] = tokens
		for k := range int64(tokens) {
			want = append(want, now+ttft+k*interval)
		}
	}
	take(1 << 60)
	slices.SortFunc(want, cmp.Compare)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestEvents(t *testing.T) {
	event := tokenEvent("r-1", "m", 1795476122, "null")
	stamp(event, 76122123456788)
	stamp(event, 76122123456789)
	want := "11e\r\n" + `data: {"id":"cmpl-r-1","object":"text_completion","created":1795476122,"model":"m","choices":[{"index":0,"text":" the",` +
		`"logprobs":null,"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":null}],` +
		`"sent_ns":     76122123456789}` + "\n\n\r\n"
	text := want[5 : len(want)-2]
	want = fmt.Sprintf("%x", len(text)) + want[3:]
	if diff := gocmp.Diff(want, string(event)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestCompletionBodies(t *testing.T) {
	tests := []struct {
		body string
		want completion
	}{
		{`{"model":"m","prompt":[1,2,3],"max_tokens":7,"stream":true}`, completion{"m", 3, 7, false}},
		{`{"prompt" : [ 1, 22 ] , "stream":true, "stream_options":{"include_usage":true}}`, completion{"m", 2, defaultTokens, true}},
		{`{"prompt":"three short words","stream":true,"max_tokens":null}`, completion{"m", 3, defaultTokens, false}},
		{"{\"prompt\":[1,\n2],\"stream\":true}", completion{"m", 2, defaultTokens, false}},
	}
	for _, tt := range tests {
		got, err := decodeCompletion([]byte(tt.body), []string{"m"})
		if got != tt.want || err != nil {
			t.Errorf("%s: got %+v, %v; want %+v", tt.body, got, err, tt.want)
		}
	}
}

func TestTruthFile(t *testing.T) {
	want := []*Request{
		{ID: "a", PromptTokens: 3, MaxTokens: 3, ReceivedNS: 1000, SentNS: []int64{1010, 1030, 1051}, LateNS: []int32{0, 1, 2}, Buffered: 1},
		{ID: "b", MaxTokens: 1, ReceivedNS: 2000, Cut: true},
	}
	var b bytes.Buffer
	if err := WriteTruth(&b, want); err != nil {
		t.Fatal(err)
	}
	const line = `{"request_id":"a","prompt_tokens":3,"max_tokens":3,"received_ns":1000,"sent_ns":1010,"deltas_ns":[20,21],"late_ns":[0,1,2],"buffered":1}`
	if first, _, _ := bytes.Cut(b.Bytes(), []byte("\n")); string(first) != line {
		t.Errorf("first line:\ngot  %s\nwant %s", first, line)
	}
	got, err := ReadTruth(&b)
	if diff := gocmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("read back (-want +got): %v\n%s", err, diff)
	}
	if _, err := ReadTruth(bytes.NewReader([]byte("{}\n{"))); err == nil {
		t.Error("half a line: got no error")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("POST /v1/completions HTTP/1.1\r\nHost: m\r\nContent-Length: 2\r\n\r\n{}GET"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET"))
	f.Add([]byte("GET / HTTP/1.0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n, err := parse(b)
		if n < 0 || n > len(b) || err != nil && n != 0 {
			t.Fatalf("parse: %d bytes of %d, %v", n, len(b), err)
		}
		if n > 0 {
			_, _ = decodeCompletion(r.body, []string{"m"})
		}
	})
}

// TestParseInPieces: a request that is not there whole is no error, wherever it is cut.
func TestParseInPieces(t *testing.T) {
	whole := "POST /v1/completions HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for cut := range len(whole) {
		if _, n, err := parse([]byte(whole[:cut])); n != 0 || err != nil {
			t.Errorf("%q: got %d bytes, %v; want none", whole[:cut], n, err)
		}
	}
	r, n, err := parse([]byte(whole + "GET"))
	if string(r.body) != "hello" || n != len(whole) || err != nil {
		t.Errorf("whole: got %q, %d bytes of %d, %v", r.body, n, len(whole), err)
	}
}
