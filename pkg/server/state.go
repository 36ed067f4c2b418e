package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// launchState is what a state file says of one launch, so that a later run can end what this one left behind when it was
// killed together with its guardian.
type launchState struct {
	Version int `json:"version"`
	// Boot and Machine tell where and since when the numbers below mean anything; Namespace is the pid namespace they are of.
	Boot      string `json:"boot_id"`
	Machine   string `json:"machine"`
	Namespace uint64 `json:"pid_namespace"`
	// Marker is the value of MarkerName.
	Marker       string   `json:"marker"`
	Orchestrator identity `json:"orchestrator"`
	Guardian     identity `json:"guardian"`
	// Leader is the first process of the server and the number of its session; zero before it was started.
	Leader identity `json:"leader"`
	// Members are the other processes of the server as of the last look.
	Members []identity `json:"members,omitempty"`
	// Command is the server's command line for people, secrets masked.
	Command     string    `json:"command"`
	StopCommand []string  `json:"stop_command,omitempty"`
	Host        string    `json:"host,omitempty"`
	Port        int       `json:"port,omitempty"`
	RunDir      string    `json:"run_dir,omitempty"`
	Started     time.Time `json:"started"`
	// Ready is when the server was ready and it was noted which of its processes matter; zero before.
	Ready time.Time `json:"ready,omitzero"`
}

const stateVersion = 1

// maxState bounds the size of a state file that is read, in bytes; one process takes about 40.
const maxState = 1 << 20

// stateSuffix ends the name of every state file; what is being written has another.
const stateSuffix = ".json"

// appName names our folder among those of other programs.
const appName = "sqzb-orchestrate"

// StateDir returns the folder in which this user's launches are noted, for Options.StateDir: below $XDG_RUNTIME_DIR, else
// below /run/user/UID, provided that these are this user's own, else sqzb-orchestrate-UID in $TMPDIR or /tmp. Start makes it.
func StateDir(lookupEnv func(string) (string, bool)) string { return StateDirs(lookupEnv)[0] }

// StateDirs returns all folders that StateDir may have returned to this user under other circumstances, such as in a cron job,
// where $XDG_RUNTIME_DIR is not set. The first is that of StateDir. Leftovers takes them all.
func StateDirs(lookupEnv func(string) (string, bool)) []string {
	uid := os.Getuid()
	var dirs []string
	add := func(dir string) {
		for _, have := range dirs {
			if have == dir {
				return
			}
		}
		dirs = append(dirs, dir)
	}
	xdg, _ := lookupEnv("XDG_RUNTIME_DIR")
	for _, base := range []string{xdg, fmt.Sprintf("/run/user/%d", uid)} {
		// sudo may pass on the folder of another user.
		if info, err := os.Stat(base); filepath.IsAbs(base) && err == nil && info.IsDir() && ownedBy(info, uid) {
			add(filepath.Join(base, appName))
		}
	}
	own := fmt.Sprintf("%s-%d", appName, uid)
	if tmp, _ := lookupEnv("TMPDIR"); filepath.IsAbs(tmp) {
		add(filepath.Join(tmp, own))
	}
	add(filepath.Join("/tmp", own))
	return dirs
}

func ownedBy(info os.FileInfo, uid int) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == uid
}

// checkStateDir refuses a folder that anybody else could have put files into: what they say decides what is killed.
func checkStateDir(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("state folder: %w", err)
	case !info.IsDir():
		return fmt.Errorf("state folder %s: is not a folder but %v", dir, info.Mode().Type())
	case !ownedBy(info, os.Getuid()):
		return fmt.Errorf("state folder %s: belongs to another user", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("state folder %s: has mode %04o, others could write or read it; want 0700", dir, info.Mode().Perm())
	}
	return nil
}

// makeStateDir makes the folder if it does not exist, and checks it.
func makeStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return checkStateDir(dir)
}

// write puts the state into file, whole or not at all.
func (s launchState) write(file string) error {
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	temporary := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	if err := os.Rename(temporary, file); err != nil {
		return errors.Join(fmt.Errorf("state file: %w", err), os.Remove(temporary))
	}
	return nil
}

// readState reads a state file; what is no regular file of this user's own is not read at all.
func readState(file string) (launchState, error) {
	// Neither a link nor a named pipe must lead us elsewhere or hold us up.
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return launchState{}, fmt.Errorf("state file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return launchState{}, fmt.Errorf("state file: %w", err)
	case !info.Mode().IsRegular():
		return launchState{}, fmt.Errorf("state file %s: is not a file but %v", file, info.Mode().Type())
	case !ownedBy(info, os.Getuid()):
		return launchState{}, fmt.Errorf("state file %s: belongs to another user", file)
	case info.Size() > maxState:
		return launchState{}, fmt.Errorf("state file %s: has %d bytes, none of ours has over %d", file, info.Size(), maxState)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxState))
	if err != nil {
		return launchState{}, fmt.Errorf("state file: %w", err)
	}
	s, err := parseState(data)
	if err != nil {
		return launchState{}, fmt.Errorf("state file %s: %w", file, err)
	}
	return s, nil
}

// parseState reads what write wrote.
func parseState(data []byte) (launchState, error) {
	var s launchState
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&s); err != nil {
		return launchState{}, fmt.Errorf("not a launch: %w", err)
	}
	switch {
	case s.Version != stateVersion:
		return launchState{}, fmt.Errorf("version %d, this program knows %d", s.Version, stateVersion)
	case s.Boot == "" || s.Machine == "" || s.Orchestrator.PID <= 0:
		return launchState{}, errors.New("not a launch: boot, machine or orchestrator is missing")
	}
	if _, err := parseMarker(s.Marker); err != nil {
		return launchState{}, err
	}
	return s, nil
}
