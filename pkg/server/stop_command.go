package server

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// stopCommand is what ends a server that signals do not reach, such as one in a container.
type stopCommand struct {
	// Argv is the command line, program first, looked up in the PATH of Env.
	Argv, Env []string
	Dir       string
	// LogPath is where its output goes.
	LogPath string
}

// hurriedStopCommand is how long a stop command may go on when the stop must not wait any more.
const hurriedStopCommand = 5 * time.Second

// runStopCommand runs the command to its end, but kills it and what is left of its group after limit, or hurriedStopCommand after hurry
// was closed.
func runStopCommand(c stopCommand, limit time.Duration, hurry <-chan struct{}) error {
	cmd, err := c.start()
	if err != nil {
		return fmt.Errorf("stop command: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	deadline := time.Now().Add(limit)
	for {
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("stop command %q: %w", c.Argv[0], err)
			}
			return nil
		case <-hurry:
			hurry = nil
			timeout.Reset(min(hurriedStopCommand, time.Until(deadline)))
		case <-timeout.C:
			// Its number is its group's, and cannot mean anybody else before it is reaped.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
			return fmt.Errorf("stop command %q: killed, it did not end within %v", c.Argv[0], limit.Round(time.Millisecond))
		}
	}
}

func (c stopCommand) start() (*exec.Cmd, error) {
	path, err := Resolve(c.Argv[0], lookup(c.Env, "PATH"))
	if err != nil {
		return nil, err
	}
	log, err := openLog(c.LogPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := serverCommand(path, c.Argv, c.Env, c.Dir, log)
	return cmd, cmd.Start()
}
