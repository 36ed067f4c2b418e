package server

import (
	"errors"
	"io"
	"os"
)

// Diagnose says why the server failed, from what it logged since this launch and how it ended. err is what AwaitReady, Err
// or Stop returned, and oomKills by how much OOMKills has grown since the launch.
func (p *Process) Diagnose(err error, oomKills int) Failure {
	e := Evidence{Exit: p.Exit(), Phase: p.log.phase(), Ready: p.isReady(), OOMKills: oomKills}
	var start *StartError
	if errors.As(err, &start) {
		e.ReadyTimeout = start.Exit == nil
	}
	log, openErr := os.Open(p.opts.LogPath)
	if openErr == nil {
		defer log.Close()
		if _, seekErr := log.Seek(p.log.start, io.SeekStart); seekErr == nil {
			e.Log = log
		}
	}
	return Classify(e)
}
