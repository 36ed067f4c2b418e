package bench

import "sync/atomic"

// Progress is how far a pass is. Every field may be read at any time while Run writes it; the zero value is a pass that has
// not begun.
type Progress struct {
	// Sent is the number of requests that were let go, Done of those that ended, Failed of those among Done that failed.
	Sent, Done, Failed atomic.Int64
	// Running is Sent − Done.
	Running atomic.Int64
	// Tokens is the number of output tokens received: chunks while a request runs, the server's count once it succeeded.
	Tokens atomic.Int64
}

// mark changes whenever anything happens.
func (p *Progress) mark() [3]int64 { return [3]int64{p.Sent.Load(), p.Done.Load(), p.Tokens.Load()} }
