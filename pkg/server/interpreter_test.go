package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plant writes files into a new folder and returns it, with links resolved. Paths under bin are executable; content that begins
// with "-> " makes a link to what follows.
func plant(t testing.TB, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		content = strings.ReplaceAll(content, "ROOT", root)
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			mode := os.FileMode(0o644)
			if filepath.Base(filepath.Dir(path)) == "bin" {
				mode = 0o755
			}
			err = os.WriteFile(path, []byte(content), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The programs need not be what they are called: nothing of them is started.
var interpreterTree = map[string]string{
	"sys/bin/python3":                 "",
	"sys/bin/env":                     "",
	"sys/bin/numactl":                 "",
	"sys/bin/docker":                  "\x7fELF",
	"sys/bin/setarch":                 "",
	"sys/bin/x86_64":                  "-> ROOT/sys/bin/setarch",
	"sys/bin/notes":                   "just text",
	"sys/bin/empty":                   "",
	"sys/bin/blank":                   "#!\n",
	"sys/bin/nowhere":                 "#!ROOT/gone/bin/python\n",
	"sys/bin/run.sh":                  "#!/bin/bash\nexec python \"$@\"\n",
	"sys/bin/by-perl":                 "#!/usr/bin/perl\n",
	"sys/bin/by-env":                  "#!/usr/bin/env python3\n",
	"sys/bin/by-env-s":                "#!/usr/bin/env -S PYTHONUTF8=1 python3 -u -X dev\n",
	"sys/bin/by-env-split":            "#!/usr/bin/env --split-string=python3 -u\n",
	"sys/bin/by-nothing":              "#!/usr/bin/env -S A=b\n",
	"venv/bin/python":                 "",
	"venv/bin/vllm":                   "#!ROOT/venv/bin/python\nimport sys\n",
	"venv/bin/vllm-long":              "#!/bin/sh\n'''exec' ROOT/venv/bin/python \"$0\" \"$@\"\n' '''\n",
	"venv/bin/vllm-quoted":            "#!/bin/sh\n'''exec' \"ROOT/a venv/bin/python\" -sE \"$0\" \"$@\"\n' '''\n",
	"venv/bin/vllm-single":            "#!/bin/sh\n'''exec' 'ROOT/a venv/bin/python' \"$0\" \"$@\"\n' '''\n",
	"a venv/bin/python":               "",
	"links/bin/vllm":                  "-> ROOT/venv/bin/vllm",
	"serve.py":                        "",
	"conda/bin/conda":                 "#!ROOT/conda/bin/python\n",
	"conda/bin/python":                "",
	"conda/envs/gpu/bin/python":       "",
	"conda/envs/gpu/bin/vllm":         "#!ROOT/conda/envs/gpu/bin/python\n",
	"conda/envs/hollow/bin/vllm":      "",
	"conda/condabin/mamba":            "-> ROOT/conda/bin/conda",
	"elsewhere/other/bin/python3.1":   "",
	"elsewhere/other/bin/python":      "",
	"links/bin/conda":                 "-> ROOT/conda/bin/conda",
	"micro/bin/micromamba":            "",
	"home/.conda/envs/own/bin/python": "",
}

func TestInterpreterOf(t *testing.T) {
	root := plant(t, interpreterTree)
	env := []string{
		"PATH=" + root + "/sys/bin:" + root + "/conda/bin:" + root + "/micro/bin", "HOME=" + root + "/home",
		"CONDA_ENVS_PATH=" + root + "/nothing:" + root + "/elsewhere", "MAMBA_ROOT_PREFIX=" + root + "/conda",
	}
	const module = "-m vllm.entrypoints.openai.api_server"
	tests := []struct {
		name    string
		command string // words, ROOT in them being the folder of the tree and "_" a space
		argv    string
		first   string
	}{
		{"by name", "python3 " + module, "ROOT/sys/bin/python3", ""},
		{"by path", "ROOT/venv/bin/python " + module, "ROOT/venv/bin/python", ""},
		{"options", "python3 -u -X dev -Wignore -W error " + module, "ROOT/sys/bin/python3 -u -X dev -Wignore -W error", ""},
		{"options in one word", "python3 -Iusm vllm.entrypoints", "ROOT/sys/bin/python3 -Ius", ""},
		{"a module in one word", "python3 -mvllm.entrypoints", "ROOT/sys/bin/python3", ""},
		{"a long option", "python3 --check-hash-based-pycs never -m vllm", "ROOT/sys/bin/python3 --check-hash-based-pycs never", ""},
		{"code", "python3 -c import_vllm", "ROOT/sys/bin/python3", ""},
		{"a script", "python3 -B ROOT/serve.py --x", "ROOT/sys/bin/python3 -B", "ROOT"},
		{"a script behind --", "python3 -- ROOT/serve.py", "ROOT/sys/bin/python3", "ROOT"},
		{"a link to a script", "python3 ROOT/links/bin/vllm serve", "ROOT/sys/bin/python3", "ROOT/venv/bin"},
		{"vllm serve", "ROOT/venv/bin/vllm serve", "ROOT/venv/bin/python", "ROOT/venv/bin"},
		{"a link to vllm", "ROOT/links/bin/vllm serve", "ROOT/venv/bin/python", "ROOT/venv/bin"},
		{"a long path", "ROOT/venv/bin/vllm-long serve", "ROOT/venv/bin/python", "ROOT/venv/bin"},
		{"a path with a space, and options", "ROOT/venv/bin/vllm-quoted serve", "ROOT/a_venv/bin/python -sE", "ROOT/venv/bin"},
		{"in single quotes", "ROOT/venv/bin/vllm-single serve", "ROOT/a_venv/bin/python", "ROOT/venv/bin"},
		{"by env", "by-env", "ROOT/sys/bin/python3", "ROOT/sys/bin"},
		{"by env -S", "by-env-s", "ROOT/sys/bin/python3 -u -X dev", "ROOT/sys/bin"},
		{"by env --split-string", "by-env-split", "ROOT/sys/bin/python3 -u", "ROOT/sys/bin"},
		{"numactl", "numactl -N 0 -m 0 python3 -u " + module, "ROOT/sys/bin/numactl -N 0 -m 0 ROOT/sys/bin/python3 -u", ""},
		{"env with a PATH", "env A=b PATH=ROOT/venv/bin python -m vllm", "ROOT/sys/bin/env A=b PATH=ROOT/venv/bin ROOT/venv/bin/python", ""},
		{"two launchers", "env numactl -N 0 ROOT/venv/bin/vllm serve", "ROOT/sys/bin/env numactl -N 0 ROOT/venv/bin/python", "ROOT/venv/bin"},
		{"a launcher by another name", "setarch x86_64 -R python3 -m vllm", "ROOT/sys/bin/setarch x86_64 -R ROOT/sys/bin/python3", ""},
		{"conda", "conda run -n gpu --no-capture-output python -m vllm", "ROOT/conda/envs/gpu/bin/python", ""},
		{"conda by path", "conda run --prefix=ROOT/elsewhere/other python3.1 -m vllm", "ROOT/elsewhere/other/bin/python3.1", ""},
		{"conda, and a script of the environment", "conda run --name gpu vllm serve", "ROOT/conda/envs/gpu/bin/python", "ROOT/conda/envs/gpu/bin"},
		{"conda in another folder of environments", "conda run --live-stream --name=other python -m vllm", "ROOT/elsewhere/other/bin/python", ""},
		{"conda in the user's folder", "conda run -n own python -m vllm", "ROOT/home/.conda/envs/own/bin/python", ""},
		{"conda's base", "ROOT/links/bin/conda run -n base python -m vllm", "ROOT/conda/bin/python", ""},
		{"conda's active environment", "ROOT/conda/condabin/mamba run python -m vllm", "ROOT/conda/bin/python", ""},
		{"micromamba", "micromamba run -n gpu python -m vllm", "ROOT/conda/envs/gpu/bin/python", ""},
		{"conda behind a launcher", "numactl -N 0 conda run -n gpu python -m vllm", "ROOT/sys/bin/numactl -N 0 ROOT/conda/envs/gpu/bin/python", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := InterpreterOf(wordsOf(root, tt.command), env)
			if err != nil {
				t.Fatal(err)
			}
			want := Interpreter{Argv: wordsOf(root, tt.argv), First: strings.ReplaceAll(tt.first, "ROOT", root)}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func wordsOf(root, command string) []string {
	words := strings.Fields(strings.ReplaceAll(command, "ROOT", root))
	for i, w := range words {
		if strings.HasPrefix(w, root) {
			words[i] = strings.ReplaceAll(w, "_", " ")
		}
	}
	return words
}

func TestInterpreterIsUnknown(t *testing.T) {
	root := plant(t, interpreterTree)
	env := []string{"PATH=" + root + "/sys/bin:" + root + "/conda/bin"}
	tests := []struct{ command, says string }{
		{"run.sh --x", `the Python behind "run.sh --x" is not known: ROOT/sys/bin/run.sh is a shell script, which may start any Python`},
		{"run.sh --api-key secret", `the Python behind "run.sh --api-key ***" is not known`},
		{"docker run image python -m vllm", `ROOT/sys/bin/docker is no script: it does not begin with #!`},
		{"notes", "ROOT/sys/bin/notes is no script"},
		{"empty", "ROOT/sys/bin/empty is no script"},
		{"blank", "a script that names no program in its first line"},
		{"by-nothing", "a script that names no program in its first line"},
		{"by-perl", "a script for perl"},
		{"numactl -N 0 ./run.sh", "none of its words is a Python or vllm"},
		{"env A=b docker run image python3 -m vllm", "ROOT/sys/bin/docker may start any Python"},
		{"numactl -N 0 ROOT/sys/bin/run.sh vllm serve", "ROOT/sys/bin/run.sh may start any Python"},
		{"python3", "it runs neither a module nor a script"},
		{"python3 -u -X", "it runs neither a module nor a script"},
		{"python3 -u -", "it runs what it reads from its input"},
		{"conda run -n gpu", "it names no program to run"},
		{"conda run -n", "the option -n of conda run is not understood here"},
		{"conda run --cwd /tmp python -m vllm", "the option --cwd of conda run is not understood here"},
		{"conda install vllm", "only conda run starts a program"},
		{"conda", "only conda run starts a program"},
		{"conda run -n missing python -m vllm", "no environment missing with a Python in it was found"},
		{"conda run -n hollow vllm serve", "no environment hollow with a Python in it was found"},
		{"conda run -n gpu run.sh", "run.sh is a shell script"},
	}
	for _, tt := range tests {
		_, err := InterpreterOf(wordsOf(root, tt.command), env)
		if _, unknown := errors.AsType[*UnknownInterpreterError](err); !unknown {
			t.Errorf("%s: got %v, want it unknown", tt.command, err)
			continue
		}
		if says := strings.ReplaceAll(tt.says, "ROOT", root); !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %q, want it to say %q", tt.command, err, says)
		}
	}
}

func TestInterpreterIsMissing(t *testing.T) {
	root := plant(t, interpreterTree)
	env := []string{"PATH=" + root + "/sys/bin:" + root + "/conda/bin"}
	for _, command := range []string{"python3.9 -m vllm", "vllm serve", "nowhere", "python3 ROOT/gone.py", "env python3.9 -m vllm",
		"conda run -n gpu python3.9 -m vllm", "nice python3"} {
		_, err := InterpreterOf(wordsOf(root, command), env)
		if _, ok := errors.AsType[*CommandError](err); !ok || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want a *CommandError for what does not exist", command, err)
		}
	}
	if _, err := InterpreterOf(nil, env); err == nil {
		t.Error("no command: got no error")
	}
}

// Whatever a file begins with, and however a command is put together, finding the interpreter ends.
func FuzzInterpreterOf(f *testing.F) {
	for _, content := range interpreterTree {
		f.Add(content, "run -n gpu -X dev python3 -m vllm")
	}
	root := plant(f, interpreterTree)
	env := []string{"PATH=" + root + "/sys/bin:" + root + "/conda/bin"}
	f.Fuzz(func(t *testing.T, head, rest string) {
		if words, reason := shebang(head); (len(words) == 0) == (reason == "") {
			t.Errorf("shebang %q: got %q and %q", head, words, reason)
		}
		for _, program := range []string{"python3", "env", "conda"} {
			command := append([]string{program}, strings.Fields(rest)...)
			got, err := InterpreterOf(command, env)
			if (err == nil) != (len(got.Argv) > 0) {
				t.Errorf("%q: got %v, %v", command, got, err)
			}
		}
	})
}
