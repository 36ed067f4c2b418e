package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

const (
	// orphansEndWithin is what the processes of a program that was killed may take to be gone.
	orphansEndWithin = 10 * time.Second
	// comesWithin bounds the wait for anything else: far more than it takes on a machine that has other things to do.
	comesWithin = time.Minute
)

// background is the program that a script runs beside it.
type background struct {
	cmd *exec.Cmd
	// ended is closed when it has ended, with err.
	ended chan struct{}
	err   error
	// struck is when signals were sent last.
	struck time.Time

	mu sync.Mutex
	// peaks are the highest resident sets in kB, by part: program or guardian.
	peaks map[string]int
}

// backgroundKey is where a script keeps it.
type backgroundKey struct{}

func theBackground(ts *testscript.TestScript) *background {
	b := *ts.Value(backgroundKey{}).(**background)
	if b == nil {
		ts.Fatalf("nothing was started")
	}
	return b
}

// programCommand is the program with these arguments in the script's folder and environment.
func programCommand(ts *testscript.TestScript, args ...string) *exec.Cmd {
	program, err := exec.LookPath("sqzb-orchestrate")
	ts.Check(err)
	cmd := exec.Command(program, args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range inherited {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// cmdStart is `start [FAULT…] [-- ARG…]`: starts the recipe with faults of the simulator, its output going to the files out.txt
// and err.txt.
func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: start [FAULT…] [-- ARG…]")
	}
	b := &background{cmd: programCommand(ts, recipeArgs(args)...), ended: make(chan struct{}), peaks: map[string]int{}}
	stdout, err := os.Create(ts.MkAbs("out.txt"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs("err.txt"))
	ts.Check(err)
	defer stderr.Close()
	b.cmd.Stdout, b.cmd.Stderr = stdout, stderr
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ts.Check(b.cmd.Start())
	go func() {
		defer close(b.ended)
		b.err = b.cmd.Wait()
	}()
	if ts.Getenv("MEASURE") != "" {
		go b.sample()
	}
	*ts.Value(backgroundKey{}).(**background) = b
	ts.Defer(func() { b.clearAway(ts) })
}

// cmdDaemon is `daemon PROGRAM NAME=VALUE…`: starts a program that is none of the script's processes and ends with the script,
// together with what it has started.
func cmdDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: daemon PROGRAM NAME=VALUE…")
	}
	cmd := exec.Command(ts.MkAbs(args[0]))
	cmd.Dir, cmd.Env = "/", append(args[1:], "PATH="+ts.Getenv("PATH"), "GORACE="+ts.Getenv("GORACE"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
}

// clearAway ends what a row that failed has left.
func (b *background) clearAway(ts *testscript.TestScript) {
	_ = b.cmd.Process.Kill()
	<-b.ended
	for _, proc := range alive(ts) {
		if pid, err := strconv.Atoi(filepath.Base(proc)); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// cmdAwait is `await GLOB [REGEXP]`: waits until a file that matches GLOB is there, is not empty and has a match of REGEXP.
// The program that was started must not end meanwhile.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: await GLOB [REGEXP]")
	}
	awaitText(ts, ts.MkAbs(args[0]), strings.Join(args[1:], " "))
}

// cmdGrown is `grown GLOB BYTES`: waits until a file that matches GLOB has so many bytes.
func cmdGrown(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: grown GLOB BYTES")
	}
	eventually(ts, strings.Join(args, " of bytes "), func() bool {
		files, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Size() >= int64(atoi(ts, args[1])) {
				return true
			}
		}
		return false
	})
}

// cmdWritten is `written GLOB N`: waits until a file that matches GLOB has at least N lines.
func cmdWritten(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: written GLOB N")
	}
	awaitText(ts, ts.MkAbs(args[0]), fmt.Sprintf(`(?:.*\n){%d}`, atoi(ts, args[1])))
}

func awaitText(ts *testscript.TestScript, glob, pattern string) {
	re, err := regexp.Compile(pattern)
	ts.Check(err)
	eventually(ts, fmt.Sprintf("%q in %s", pattern, glob), func() bool {
		files, err := filepath.Glob(glob)
		ts.Check(err)
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil && len(data) > 0 && re.Match(data) {
				return true
			}
		}
		return false
	})
}

// eventually waits until something is so.
func eventually(ts *testscript.TestScript, what string, is func() bool) {
	ctx, cancel := context.WithTimeout(context.Background(), comesWithin)
	defer cancel()
	poll(ctx, is)
	if ctx.Err() != nil {
		said, _ := os.ReadFile(ts.MkAbs("err.txt"))
		ts.Fatalf("%s: not within %v; stderr:\n%s", what, comesWithin, said)
	}
}

// cmdSignal is `signal SIGNAL WHO…`: sends a signal to one after the other. WHO is program, guardian, server (its first process),
// engine, or tree: all processes that the server consists of.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: signal SIGNAL WHO…")
	}
	sig := unix.SignalNum("SIG" + args[0])
	if sig == 0 {
		ts.Fatalf("no signal %q", args[0])
	}
	b := theBackground(ts)
	var pids []int
	for _, who := range args[1:] {
		pids = append(pids, b.find(ts, who)...)
	}
	b.struck = time.Now()
	for _, pid := range pids {
		// One may have ended because of another.
		if err := syscall.Kill(pid, sig); err != nil && (len(pids) == 1 || !errors.Is(err, syscall.ESRCH)) {
			ts.Fatalf("SIG%s to process %d (%v): %v", args[0], pid, args[1:], err)
		}
	}
}

// find returns the processes of a part, at least one.
func (b *background) find(ts *testscript.TestScript, who string) []int {
	program := b.cmd.Process.Pid
	if who == "program" {
		return []int{program}
	}
	var found []int
	eventually(ts, who+" is there", func() bool {
		found = nil
		for _, p := range family(ts) {
			guardian := len(p.argv) > 1 && p.argv[1] == guardName
			var is bool
			switch who {
			case "guardian":
				is = guardian && p.parent == program
			case "server":
				is = p.leads && p.parentIsGuardian
			case "engine":
				is = strings.HasPrefix(p.argv[0], "VLLM::EngineCore")
			case "tree":
				is = p.pid != program && !guardian
			default:
				ts.Fatalf("who is %q?", who)
			}
			if is {
				found = append(found, p.pid)
			}
		}
		return len(found) > 0
	})
	return found
}

// relative is a process that belongs to a script.
type relative struct {
	pid, parent int
	argv        []string
	// leads says that it leads a session.
	leads, parentIsGuardian bool
}

// family are the processes of the script's program.
func family(ts *testscript.TestScript) []relative {
	var out []relative
	guardians := map[int]bool{}
	for _, proc := range alive(ts) {
		cmdline, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		stat, err2 := os.ReadFile(filepath.Join(proc, "stat"))
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if err != nil || err2 != nil || len(cmdline) == 0 || len(fields) < 4 {
			continue // it has ended
		}
		r := relative{pid: atoi(ts, filepath.Base(proc)), parent: atoi(ts, fields[1]),
			argv: strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")}
		r.leads = fields[3] == strconv.Itoa(r.pid)
		guardians[r.pid] = len(r.argv) > 1 && r.argv[1] == guardName
		out = append(out, r)
	}
	for i := range out {
		out[i].parentIsGuardian = guardians[out[i].parent]
	}
	return out
}

// cmdEnd is `end CODE`: waits for the end of the program that was started and wants exactly this exit code, or `killed`.
func cmdEnd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: end CODE|killed")
	}
	b := theBackground(ts)
	eventually(ts, "the end of the program", func() bool {
		select {
		case <-b.ended:
			return true
		default:
			return false
		}
	})
	want := -1 // what ended by a signal has no exit code
	if args[0] != "killed" {
		want = atoi(ts, args[0])
	}
	if got := exitCodeOf(ts, b.err); got != want {
		ts.Fatalf("exit code: got %d (%v), want %s; stderr:\n%s", got, b.err, args[0], ts.ReadFile("err.txt"))
	}
	if want >= 0 {
		cmdNoLeft(ts, false, nil)
		cmdNoState(ts, false, nil)
	}
}

// cmdGone is `gone`: nothing of the program is alive within 10 s of the last signal.
func cmdGone(ts *testscript.TestScript, _ bool, _ []string) {
	b := theBackground(ts)
	ctx, cancel := context.WithDeadline(context.Background(), b.struck.Add(orphansEndWithin))
	defer cancel()
	poll(ctx, func() bool { return len(alive(ts)) == 0 })
	if ctx.Err() != nil {
		cmdNoLeft(ts, false, nil)
	}
	ts.Logf("nothing was left after %.2f s", time.Since(b.struck).Seconds())
}

// cmdMemory is `memory MB`: the resident sets of the program that was started and of its guardian have never been larger.
func cmdMemory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: memory MB")
	}
	b := theBackground(ts)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range []string{"program", "guardian"} {
		peak := b.peaks[part]
		ts.Logf("the %s took %.1f MB at most", part, float64(peak)/1000)
		if peak == 0 || peak > 1000*atoi(ts, args[0]) {
			ts.Fatalf("resident set of the %s: got %d kB at most, want over 0 and up to %s MB", part, peak, args[0])
		}
	}
}

// sample notes how much memory the program and its guardians take, until the program ends.
func (b *background) sample() {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-b.ended:
			return
		case <-tick.C:
		}
		program := strconv.Itoa(b.cmd.Process.Pid)
		b.notePeak("program", program)
		lists, _ := filepath.Glob(filepath.Join("/proc", program, "task/*/children"))
		for _, list := range lists {
			children, _ := os.ReadFile(list)
			for _, child := range strings.Fields(string(children)) {
				b.notePeak("guardian", child)
			}
		}
	}
}

func (b *background) notePeak(part, pid string) {
	status, _ := os.ReadFile(filepath.Join("/proc", pid, "status"))
	cmdline, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	// Between fork and exec a child is a copy of its parent.
	if fields := strings.Fields(rest); found && len(fields) > 0 && (part == "program") != bytes.Contains(cmdline, []byte("\x00"+guardName+"\x00")) {
		kB, _ := strconv.Atoi(fields[0])
		b.mu.Lock()
		defer b.mu.Unlock()
		b.peaks[part] = max(b.peaks[part], kB)
	}
}
