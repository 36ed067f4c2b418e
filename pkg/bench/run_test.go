package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/internal/pacer"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// send is the signature of Options.Send.
type send = func(context.Context, *client.Request, *atomic.Int64) client.Result

// options are n requests at the given offsets; the last offset stands for all that follow.
func options(n int, f send, offsets ...time.Duration) Options {
	o := Options{Send: f, pace: pacer.Timer}
	for i := range n {
		o.Requests = append(o.Requests, client.Request{ID: fmt.Sprintf("r-full-%d", i), PromptTokens: 64, MaxTokens: 2})
		o.Rows = append(o.Rows, i)
		o.Offsets = append(o.Offsets, offsets[min(i, len(offsets)-1)])
	}
	return o
}

// takes is a server that answers after a time, with two tokens at its end.
func takes(d time.Duration) send {
	return func(ctx context.Context, _ *client.Request, tokens *atomic.Int64) client.Result {
		r := client.Result{Sent: time.Now()}
		select {
		case <-time.After(d):
		case <-ctx.Done():
			r.ErrorClass, r.Error, r.Done = client.ErrCancelled, context.Cause(ctx).Error(), time.Now()
			return r
		}
		tokens.Add(2)
		r.FirstToken, r.LastToken, r.Done = time.Now(), time.Now(), time.Now()
		r.Chunks, r.ChunkDeltas = 2, []time.Duration{0}
		return r
	}
}

// times are what a test compares of a record: scheduled, due, sent, done in seconds; −1 for not reached.
func times(records []Record) [][4]float64 {
	var all [][4]float64
	seconds := func(ns *int64) float64 {
		if ns == nil {
			return -1
		}
		return time.Duration(*ns).Seconds()
	}
	for _, r := range records {
		all = append(all, [4]float64{seconds(&r.ScheduledNS), seconds(&r.DueNS), seconds(r.SentNS), seconds(r.DoneNS)})
	}
	return all
}

func TestRunKeepsTheSchedule(t *testing.T) {
	for _, tt := range []struct {
		name        string
		concurrency int
		offsets     []time.Duration
		want        [][4]float64
		elapsed     time.Duration
	}{
		{"open loop", 0, []time.Duration{0, time.Second, 1500 * time.Millisecond},
			[][4]float64{{0, 0, 0, 10}, {1, 1, 1, 11}, {1.5, 1.5, 1.5, 11.5}}, 11500 * time.Millisecond},
		{"all at once", 0, []time.Duration{0}, [][4]float64{{0, 0, 0, 10}, {0, 0, 0, 10}, {0, 0, 0, 10}}, 10 * time.Second},
		{"one at a time", 1, []time.Duration{0}, [][4]float64{{0, 0, 0, 10}, {0, 10, 10, 20}, {0, 20, 20, 30}}, 30 * time.Second},
		{"the bound delays, and the rest keeps its own time", 2, []time.Duration{0, time.Second, 2 * time.Second, 30 * time.Second},
			[][4]float64{{0, 0, 0, 10}, {1, 1, 1, 11}, {2, 10, 10, 20}, {30, 30, 30, 40}}, 40 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options(len(tt.want), takes(10*time.Second), tt.offsets...)
				o.Concurrency = tt.concurrency
				pass, err := Run(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, times(pass.Records)); diff != "" {
					t.Error(diff)
				}
				if pass.Elapsed != tt.elapsed {
					t.Errorf("elapsed: got %v, want %v", pass.Elapsed, tt.elapsed)
				}
			})
		})
	}
}

// Requests wait for slots in the order of the schedule.
func TestRunIsFirstInFirstOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		var running, most int
		serve := takes(time.Second)
		o := options(100, func(ctx context.Context, req *client.Request, tokens *atomic.Int64) client.Result {
			mu.Lock()
			order = append(order, req.ID)
			running++
			most = max(most, running)
			mu.Unlock()
			defer func() {
				mu.Lock()
				running--
				mu.Unlock()
			}()
			return serve(ctx, req, tokens)
		}, 0)
		o.Concurrency = 7
		if _, err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if most != 7 {
			t.Errorf("%d requests at once, want 7", most)
		}
		// Those of one batch start in any order, a batch never before the one before it.
		place := func(id string) int { return slices.Index(order, id) }
		for i := range 100 {
			if at := place(fmt.Sprintf("r-full-%d", i)); at/7 != i/7 {
				t.Errorf("request %d went as number %d", i, at)
			}
		}
	})
}

// lockedBuffer is a journal that can be looked at while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	return len(p), nil
}

func (l *lockedBuffer) copy() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b)
}

func TestRunProgressAndJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var journal lockedBuffer
		var progress Progress
		good := takes(10 * time.Second)
		o := options(4, func(ctx context.Context, req *client.Request, tokens *atomic.Int64) client.Result {
			if req.ID == "r-full-1" {
				now := time.Now()
				return client.Result{Sent: now, Done: now, Status: 400, ErrorClass: client.ErrHTTPStatus, Error: "status 400: no"}
			}
			return good(ctx, req, tokens)
		}, 0, 0, 0, 30*time.Second)
		o.Sink, o.Progress = &journal, &progress
		o.Rows = []int{7, 3, 5, 9}
		lines := func() int { return bytes.Count(journal.copy(), []byte("\n")) }
		state := func() [5]int64 {
			return [5]int64{progress.Sent.Load(), progress.Done.Load(), progress.Failed.Load(), progress.Running.Load(), progress.Tokens.Load()}
		}
		at := func(d time.Duration, want [5]int64, written int) {
			time.AfterFunc(d, func() {
				if got := state(); got != want || lines() != written {
					t.Errorf("after %v: got %v and %d lines, want %v and %d", d, got, lines(), want, written)
				}
			})
		}
		at(500*time.Millisecond, [5]int64{3, 1, 1, 2, 0}, 1)
		at(20*time.Second+time.Millisecond, [5]int64{3, 3, 1, 0, 4}, 3)
		at(35*time.Second+time.Millisecond, [5]int64{4, 3, 1, 1, 4}, 3)
		pass, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := state(), [5]int64{4, 4, 1, 0, 6}; got != want {
			t.Errorf("at the end: got %v, want %v", got, want)
		}
		var indexes []int
		for _, r := range pass.Records {
			indexes = append(indexes, r.Index)
		}
		if diff := cmp.Diff([]int{3, 5, 7, 9}, indexes); diff != "" {
			t.Error(diff)
		}
		if r := pass.Records[0]; r.OK() || r.RequestID != "r-full-1" || r.Error != "status 400: no" || r.PromptTokensSent != 64 || r.MaxTokens != 2 {
			t.Errorf("the failed one: got %+v", r)
		}
		if diff := cmp.Diff(pass.Records, decoded(t, journal.copy())); diff != "" {
			t.Errorf("the journal is not what is in memory:\n%s", diff)
		}
	})
}

// decoded reads a journal and sorts it as Run does.
func decoded(t *testing.T, journal []byte) []Record {
	t.Helper()
	var all []Record
	for line := range bytes.Lines(journal) {
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Record) int { return a.Index - b.Index })
	return all
}

func TestRunCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		died := errors.New("the server's process ended")
		time.AfterFunc(5*time.Second, func() { cancel(died) })
		var journal bytes.Buffer
		o := options(4, takes(4*time.Second), 0, 3*time.Second, 4*time.Second, time.Minute)
		o.Concurrency, o.Sink = 2, &journal
		pass, err := Run(ctx, o)
		if !errors.Is(err, died) {
			t.Errorf("got %v", err)
		}
		// The first ended, two were ended, and the fourth was never sent.
		if diff := cmp.Diff([][4]float64{{0, 0, 0, 4}, {3, 3, 3, 5}, {4, 4, 4, 5}}, times(pass.Records)); diff != "" {
			t.Error(diff)
		}
		for i, want := range []client.ErrorClass{"", client.ErrCancelled, client.ErrCancelled} {
			if got := pass.Records[i].ErrorClass; got != want {
				t.Errorf("request %d: got %q, want %q", i, got, want)
			}
		}
		if diff := cmp.Diff(pass.Records, decoded(t, journal.Bytes())); diff != "" {
			t.Error(diff)
		}
		if pass.Elapsed != 5*time.Second {
			t.Errorf("elapsed: got %v", pass.Elapsed)
		}
	})
}

func TestRunCancelledWhileWaitingForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		o := options(3, takes(time.Hour), 0)
		o.Concurrency = 1
		pass, err := Run(ctx, o)
		if !errors.Is(err, context.DeadlineExceeded) || len(pass.Records) != 1 {
			t.Errorf("got %d records, %v", len(pass.Records), err)
		}
	})
}

// fullDisk takes some bytes and no more.
type fullDisk struct {
	room int
	err  error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		return 0, d.err
	}
	d.room -= len(p)
	return len(p), nil
}

func TestRunOnAFullDisk(t *testing.T) {
	full := errors.New("no space left on device")
	t.Run("during the pass", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := options(3, takes(10*time.Second), 0, 5*time.Second, time.Minute)
			o.Sink = &fullDisk{0, full}
			pass, err := Run(t.Context(), o)
			if !errors.Is(err, full) || err.Error() != "writing records: no space left on device" {
				t.Errorf("got %v", err)
			}
			if len(pass.Records) != 2 || !pass.Records[0].OK() || pass.Records[1].ErrorClass != client.ErrCancelled {
				t.Errorf("got %+v", pass.Records)
			}
		})
	})
	t.Run("with the last records", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := options(2, takes(time.Millisecond), 0)
			o.Sink = &fullDisk{10, full}
			pass, err := Run(t.Context(), o)
			if !errors.Is(err, full) || len(pass.Records) != 2 || !pass.Records[0].OK() || !pass.Records[1].OK() {
				t.Errorf("got %d records, %v", len(pass.Records), err)
			}
		})
	})
}

// stuck is a disk that blocks until it is let go.
type stuck chan struct{}

func (s stuck) Write(p []byte) (int, error) {
	<-s
	return len(p), nil
}

// Requests end, and slots get free, while the journal hangs.
func TestRunDoesNotWaitForTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := make(stuck)
		time.AfterFunc(time.Hour, func() { close(disk) })
		o := options(100, takes(time.Second), 0)
		o.Concurrency, o.Sink = 1, disk
		pass, err := Run(t.Context(), o)
		if err != nil || len(pass.Records) != 100 || pass.Elapsed != 100*time.Second {
			t.Errorf("got %d records in %v, %v", len(pass.Records), pass.Elapsed, err)
		}
	})
}

func TestRunStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(2, takes(24*time.Hour), 0)
		o.StallTimeout = time.Hour
		pass, err := Run(t.Context(), o)
		if !errors.Is(err, ErrStalled) || err.Error() != "no progress: none of 2 running requests got a token for 1h0m0s" {
			t.Errorf("got %v", err)
		}
		if pass.Elapsed < time.Hour || pass.Elapsed > 90*time.Minute || len(pass.Records) != 2 {
			t.Errorf("got %d records after %v", len(pass.Records), pass.Elapsed)
		}
	})
	// Slow, but alive; and idle between two arrivals.
	synctest.Test(t, func(t *testing.T) {
		o := options(40, takes(50*time.Minute), 0, 10*time.Hour)
		o.Concurrency, o.StallTimeout = 1, time.Hour
		if pass, err := Run(t.Context(), o); err != nil || len(pass.Records) != 40 {
			t.Errorf("got %d records, %v", len(pass.Records), err)
		}
	})
}

func TestRunRefusesOptionsThatDoNotFit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no Send", func(o *Options) { o.Send = nil }, "starting a pass: no function to send with"},
		{"no schedule", func(o *Options) { o.Offsets = Schedule(Arrivals{N: 3}) }, "starting a pass: got 3 requests, 3 rows and 0 offsets; they must be as many"},
		{"rows", func(o *Options) { o.Rows = o.Rows[1:] }, "starting a pass: got 3 requests, 2 rows and 3 offsets; they must be as many"},
		{"concurrency", func(o *Options) { o.Concurrency = -1 }, "starting a pass: concurrency: got -1; allowed 0 or more"},
		{"descending", func(o *Options) { o.Offsets[1] = 2; o.Offsets[2] = 1 }, "starting a pass: offset 2: got 1ns; allowed at least that of the request before"},
		{"negative", func(o *Options) { o.Offsets[0] = -1 }, "starting a pass: offset 0: got -1ns; allowed at least that of the request before"},
	} {
		o := options(3, takes(0), 0)
		tt.change(&o)
		if pass, err := Run(t.Context(), o); err == nil || err.Error() != tt.want || pass.Records != nil {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	if pass, err := Run(t.Context(), options(0, takes(0), 0)); err != nil || len(pass.Records) != 0 {
		t.Errorf("nothing to send: got %v", err)
	}
}
