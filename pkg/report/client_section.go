package report

import "github.com/squeezebits/sqzb-orchestrate/pkg/bench"

// Client is what the client itself did to the numbers, by pass; nil where it is not known.
type Client struct {
	Full          *PassClient `json:"full"`
	Summarization *PassClient `json:"summarization"`
}

// PassClient is the client's audit of itself in one pass. Shares are from 0 to 1.
type PassClient struct {
	// Stamps is StampsKernel or StampsUser.
	Stamps string `json:"stamps"`
	// Lag is how late the client had what came: user − kernel stamp of every chunk that carries tokens or, with user stamps,
	// how late it was woken from a sleep; in milliseconds.
	Lag Distribution `json:"lag_ms"`
	// Unstamped counts the chunks that the kernel did not stamp; nil with user stamps.
	Unstamped *int `json:"unstamped_chunks"`
	// Coalesced counts the chunks that share the stamp of the one before, since both came out of one read.
	Coalesced      *int     `json:"coalesced_chunks"`
	CoalescedShare *float64 `json:"coalesced_share"`
	// IntendedRate and AchievedRate are requests per second by the schedule and by what was sent; nil where all were due at once.
	IntendedRate *float64 `json:"intended_rate_req_s"`
	AchievedRate *float64 `json:"achieved_rate_req_s"`
	// CPUShare is the used part of the processor time that Cores could have given; CPUPerChunk is in microseconds.
	CPUShare *float64 `json:"cpu_share"`
	// Busy is the part of the time of these processors in which anybody used them, the server and others included.
	Busy        *float64 `json:"busy_share"`
	Cores       *float64 `json:"cores"`
	CPUPerChunk *float64 `json:"cpu_us_per_chunk"`
	// Wait is how long a thread that was ready to run waited for a processor, in the mean; in milliseconds.
	Wait *float64 `json:"wait_ms"`
	GCs  *int     `json:"gc_count"`
	// GCPause and GCPauseMax are in milliseconds.
	GCPause     *float64 `json:"gc_pause_ms"`
	GCPauseMax  *float64 `json:"gc_pause_max_ms"`
	Steal       *float64 `json:"steal_share"`
	Retransmits *int     `json:"tcp_retransmits"`
	Connections *int     `json:"connections"`
	ClockSteps  *int     `json:"clock_steps"`
}

// client makes the section of a pass; nil when the client left no audit.
func (p *passEvidence) client() *PassClient {
	a := p.audit
	if a == nil {
		return nil
	}
	c := &PassClient{
		Stamps: a.Stamps, Lag: p.lag(), Connections: &a.Connections, ClockSteps: &a.ClockSteps, GCs: &a.GCs,
		GCPause: plausibleOr(a.GCPause * 1e3), GCPauseMax: plausibleOr(a.GCPauseMax * 1e3), Cores: plausibleOr(a.Cores),
		Busy: a.Busy, Steal: a.Steal, Retransmits: a.Retransmits, IntendedRate: p.arrivalRate(scheduled), AchievedRate: p.arrivalRate(sent),
	}
	chunks, coalesced := p.chunks()
	if a.Stamps == StampsKernel {
		c.Unstamped = ptr(chunks - c.Lag.N)
	}
	c.Coalesced = &coalesced
	if chunks > 0 {
		c.CoalescedShare = ptr(float64(coalesced) / float64(chunks))
		c.CPUPerChunk = plausibleOr(a.CPU * 1e6 / float64(chunks))
	}
	if a.Wall > 0 && a.Cores > 0 {
		c.CPUShare = plausibleOr(a.CPU / (a.Wall * a.Cores))
	}
	if a.Wait != nil && a.Turns != nil && *a.Turns > 0 {
		c.Wait = plausibleOr(*a.Wait * 1e3 / float64(*a.Turns))
	}
	return c
}

// plausibleOr is nil for what cannot be: a file that was edited may hold anything.
func plausibleOr(v float64) *float64 {
	if !plausible(v) {
		return nil
	}
	return &v
}

// lag is that of every chunk of the successful requests, or of the wakes where the kernel did not stamp.
func (p *passEvidence) lag() Distribution {
	var ms []float64
	if p.audit.Stamps != StampsKernel {
		for _, us := range p.audit.WakesUS {
			ms = append(ms, float64(us)/1e3)
		}
		return describe(ms)
	}
	for _, r := range p.succeeded {
		for _, us := range r.ChunkLagsUS {
			if us >= 0 {
				ms = append(ms, float64(us)/1e3)
			}
		}
	}
	return describe(ms)
}

// chunks counts the chunks with tokens of the successful requests, and those of them that share the stamp of the one before.
func (p *passEvidence) chunks() (all, coalesced int) {
	for _, r := range p.succeeded {
		all += r.Chunks
		coalesced += r.Coalesced
	}
	return all, coalesced
}

func scheduled(r *bench.Record) *int64 { return &r.ScheduledNS }

func sent(r *bench.Record) *int64 { return r.SentNS }

// arrivalRate is requests per second between the first and the last of the instants of all requests that have one; nil where
// the schedule has all of them at once.
func (p *passEvidence) arrivalRate(instant func(*bench.Record) *int64) *float64 {
	if p.meanGap() == 0 {
		return nil
	}
	n, first, last := 0, int64(0), int64(0)
	for _, r := range p.records {
		at := instant(r)
		if at == nil {
			continue
		}
		if n == 0 {
			first, last = *at, *at
		}
		first, last = min(first, *at), max(last, *at)
		n++
	}
	if last <= first {
		return nil
	}
	return ptr(float64(n-1) / (float64(last-first) / 1e9))
}

// iclSpikes counts the gaps between chunks that are longer than spikeFactor times their median; nil without gaps.
func iclSpikes(succeeded []*bench.Record, icl Distribution) *int {
	if icl.N == 0 {
		return nil
	}
	n := 0
	for _, r := range succeeded {
		for _, gap := range r.ChunkDeltasUS {
			if float64(gap)/1e3 > spikeFactor**icl.Median {
				n++
			}
		}
	}
	return &n
}

// spikeFactor times the median is a gap that a reader of the stream notices as a stall.
const spikeFactor = 4
