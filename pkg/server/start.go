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
	// Grace bounds a whole stop, from the call of Stop until it returns, where a batch system grants no more; 0 for no bound.
	// All that the stop consists of is made to fit: the last quarter of it, 2 s at most, is kept for killing and sweeping.
	Grace time.Duration
	// StopCommand is run before the server is stopped in the ordinary way, for a server in a container, whose processes are
	// none of ours; program first, with Env and with its output going to the log. It may take StopTimeout, or 5 s when the
	// server is to be killed. Empty for none.
	StopCommand []string
	// Guard is the command line of a program that does nothing but call Guard with its standard input and output. On Linux
	// it is started first and the server is its child, so that nothing of the server outlives this process, however that
	// ends. Empty, and elsewhere, the server is a child of this process.
	Guard []string
	// StateDir is the folder in which the launch is noted as long as anything of it lives, see StateDir and Leftovers; empty
	// for none. It is used on Linux only.
	StateDir string
	// RunDir is told by a Leftover of this launch; it is not used otherwise.
	RunDir string
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

// Start starts the server in a session, and so a process group, of its own, with nothing on its standard input and with
// MarkerName in its environment. It returns as soon as the process runs. The caller must call Stop or Kill, also when the
// process has ended. A command that cannot be run is a *CommandError.
//
// With a guardian (Options.Guard), Start makes this process a reaper of orphans: processes whose parent, down to the guardian,
// was killed become children of this one.
func Start(opts Options) (*Process, error) {
	opts = opts.withDefaults()
	if len(opts.Argv) == 0 {
		return nil, &CommandError{Err: errors.New("empty command")}
	}
	path, err := Resolve(opts.Argv[0], lookup(opts.Env, "PATH"))
	if err != nil {
		return nil, err
	}
	begin, err := logEnd(opts.LogPath)
	if err != nil {
		return nil, err
	}
	p, err := launch(opts, path, begin)
	if err != nil {
		return nil, err
	}
	if len(opts.StopCommand) == 0 {
		close(p.commanded)
	}
	go p.watch()
	return p, nil
}

// openLog opens the log for appending. The server writes to the file itself, so that no flood of its output can block it or
// pass through our memory.
func openLog(path string) (*os.File, error) {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the server log: %w", err)
	}
	return out, nil
}

// logEnd makes the log if it does not exist and returns where new output will begin.
func logEnd(path string) (int64, error) {
	out, err := openLog(path)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	end, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("opening the server log: %w", err)
	}
	return end, nil
}

// serverCommand is the server, or its stop command, in a session of its own and with its output going to log.
func serverCommand(path string, argv, env []string, dir string, log *os.File) *exec.Cmd {
	return &exec.Cmd{Path: path, Args: argv, Env: env, Dir: dir, Stdout: log, Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
}

// startDirect starts the server as a child of this process.
func startDirect(opts Options, path string, env []string, begin int64) (*Process, error) {
	out, err := openLog(opts.LogPath)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := serverCommand(path, opts.Argv, env, opts.Dir, out)
	if err := cmd.Start(); err != nil {
		return nil, startFailure(opts, err)
	}
	return newProcess(opts, cmd.Process, begin), nil
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
