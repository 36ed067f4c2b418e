//go:build !linux

package server

import "os"

// guardian does not exist here.
type guardian struct{}

func (*guardian) follow(func(guardEvent)) leaderEnd { return leaderEnd{status: -1} }
func (*guardian) takeStock(<-chan struct{})         {}
func (*guardian) interrupt()                        {}
func (*guardian) finish()                           {}
func (*guardian) bequeath(*lineage)                 {}

// Guard exists on Linux only.
func Guard(*os.File, *os.File) int { return 1 }

// launch starts the server as a child of this process.
func launch(opts Options, path string, begin int64) (*Process, error) {
	return startDirect(opts, path, opts.Env, begin)
}

func removeState(string) {}
