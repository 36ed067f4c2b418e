package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// The defaults of Options.
const (
	DefaultStopTimeout = 60 * time.Second
	DefaultStartGrace  = 5 * time.Second
	DefaultSweepGrace  = 500 * time.Millisecond
	DefaultGoneTimeout = 30 * time.Second
)

// Options say what to start and how to stop it again. Argv, Env and LogPath are required.
type Options struct {
	// Argv is the command line, program first, as Launch.Argv gives it. The program is looked up in the PATH of Env.
	Argv []string
	// Env is the whole environment, NAME=value, as Environ gives it.
	Env []string
	// Dir is the working directory; empty for the caller's.
	Dir string
	// LogPath is the file that standard output and standard error are appended to; it is made if it does not exist.
	LogPath string
	// Host and Port are where the server listens, so that a stop can wait until the port is free again; Port 0 for no wait.
	Host string
	Port int
	// StopTimeout is how long a ready server may take to end after SIGTERM before it is killed; 0 for 60 s.
	StopTimeout time.Duration
	// StartGrace is the same for a server that is not ready, which may ignore the signal altogether; 0 for 5 s. It is
	// bounded by StopTimeout.
	StartGrace time.Duration
	// SweepGrace is how long the other processes may outlive the leader before they are killed; 0 for 500 ms.
	//
	// Note: an orderly server has waited for all of them but Python's resource tracker, which ends when it sees the others
	// gone and must not be killed before it has removed their shared memory.
	SweepGrace time.Duration
	// GoneTimeout bounds the wait for killed processes to disappear; 0 for 30 s.
	GoneTimeout time.Duration
}

// withDefaults fills in the defaults.
func (o Options) withDefaults() Options {
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&o.StopTimeout, DefaultStopTimeout},
		{&o.StartGrace, DefaultStartGrace},
		{&o.SweepGrace, DefaultSweepGrace},
		{&o.GoneTimeout, DefaultGoneTimeout},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	return o
}

// Start starts the server in a session, and so a process group, of its own, with nothing on its standard input. It returns as
// soon as the process runs. The caller must call Stop or Kill, also when the process has ended. A command that cannot be run
// is a *CommandError.
func Start(opts Options) (*Process, error) {
	opts = opts.withDefaults()
	if len(opts.Argv) == 0 {
		return nil, &CommandError{Err: errors.New("empty command")}
	}
	path, err := Resolve(opts.Argv[0], lookup(opts.Env, "PATH"))
	if err != nil {
		return nil, err
	}
	// The server writes to the file itself, so that no flood of its output can block it or pass through our memory.
	out, err := os.OpenFile(opts.LogPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the server log: %w", err)
	}
	defer out.Close()
	begin, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("opening the server log: %w", err)
	}
	cmd := &exec.Cmd{
		Path:        path,
		Args:        opts.Argv,
		Env:         opts.Env,
		Dir:         opts.Dir,
		Stdout:      out,
		Stderr:      out,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return nil, startFailure(opts, err)
	}
	p := newProcess(opts, cmd.Process, begin)
	go p.watch()
	return p, nil
}

// startFailure tells a program that cannot be run (a script whose interpreter is missing, a binary for another machine) from
// a machine that cannot start one.
func startFailure(opts Options, err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		switch errno {
		case syscall.ENOENT, syscall.EACCES, syscall.EPERM, syscall.ENOEXEC, syscall.ENOTDIR:
			return &CommandError{Command: opts.Argv[0], Err: err}
		}
	}
	return fmt.Errorf("starting the server: %w", err)
}
