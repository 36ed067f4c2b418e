package orchestrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// The files that a failure of the server leaves in the run directory, beside the server's whole log.
const (
	failureFile = "failure.json"
	replayFile  = "replay.sh"
)

// postmortem is failure.json.
type postmortem struct {
	Schema int    `json:"schema"`
	RunID  string `json:"run_id"`
	Pass   string `json:"pass"`
	// Step is what was being done, What what happened.
	Step string `json:"step"`
	What string `json:"what"`
	server.Failure
	// Exit is how the server ended, null if it did not.
	Exit *report.ServerExit `json:"exit"`
	// Phase is how far the server had come.
	Phase string `json:"phase,omitempty"`
	Log   string `json:"log,omitempty"`
	// Tree is the server's processes when the failure was found.
	Tree []treeEntry `json:"tree"`
}

// treeEntry is one process.
type treeEntry struct {
	PID     int    `json:"pid"`
	PPID    int    `json:"ppid"`
	State   string `json:"state"`
	Command string `json:"command"`
	// WaitChannel is the kernel function it waits in, Stack its kernel stack, where the system tells them.
	WaitChannel string `json:"wait_channel,omitempty"`
	Stack       string `json:"stack,omitempty"`
}

// writePostmortem writes failure.json and replay.sh.
func (p *pass) writePostmortem(f *ServerFailure) error {
	doc := postmortem{Schema: report.SchemaVersion, RunID: p.manifest.RunID, Pass: p.name, Step: f.Step,
		What: summaryOf(f.Err), Failure: f.Failure, Exit: p.info.ServerExit, Tree: treeEntries(f.Tree)}
	if p.proc != nil {
		doc.Phase, doc.Log = p.proc.Phase().String(), filepath.Join(p.name, report.ServerLogFile)
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", failureFile, err)
	}
	replay := filepath.Join(p.run.dir, replayFile)
	err = errors.Join(report.WriteFile(filepath.Join(p.run.dir, failureFile), append(data, '\n')),
		report.WriteFile(replay, replayScript(p.served, *p.run.last)), os.Chmod(replay, 0o755))
	if err != nil {
		return fail(ExitInternal, "failure report", err, "")
	}
	return nil
}

func treeEntries(procs []server.Proc) []treeEntry {
	list := make([]treeEntry, len(procs))
	for i, p := range procs {
		list[i] = treeEntry{PID: p.PID, PPID: p.PPID, State: stateLetter(p.State), Command: p.Command,
			WaitChannel: p.WaitChannel, Stack: p.Stack}
	}
	return list
}

// stateLetter is the kernel's letter; empty when the state is not known.
func stateLetter(state byte) string {
	if state == 0 {
		return ""
	}
	return string(rune(state))
}

// replayScript starts the same server by hand: the same argv and nothing but the same environment. A secret stands in it as
// the variable that must be set, never as itself.
func replayScript(served string, rec server.LaunchRecord) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# Starts the server of %s by hand, with the same arguments and environment.\n", served)
	b.WriteString("exec env -i \\\n")
	masked := server.Mask(rec.Env)
	for i, entry := range rec.Env {
		name, _, _ := strings.Cut(entry, "=")
		if masked[i] == entry {
			fmt.Fprintf(&b, "  %s \\\n", quoteWord(entry))
		} else {
			fmt.Fprintf(&b, "  \"%s=${%s:?}\" \\\n", name, name)
		}
	}
	argv := server.MaskArgv(rec.Argv)
	for i, arg := range rec.Argv {
		word := quoteWord(arg)
		if argv[i] != arg {
			word = secretWord(arg, i)
		}
		b.WriteString("  " + word)
		if i < len(rec.Argv)-1 {
			b.WriteString(" \\")
		}
		b.WriteString("\n")
	}
	return []byte(b.String())
}

// secretWord is an argument with its secret left as a variable to set.
func secretWord(arg string, i int) string {
	variable := fmt.Sprintf("${SECRET_%d:?}", i)
	if name, _, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
		return `"` + name + "=" + variable + `"`
	}
	return `"` + variable + `"`
}
