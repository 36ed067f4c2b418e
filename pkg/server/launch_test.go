package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgv(t *testing.T) {
	python := []string{"python", "-m", "vllm.entrypoints.openai.api_server"}
	own := Launch{Model: "/models/tiny", ServedNames: []string{"tiny@r1-full"}, Host: "127.0.0.1", Port: 8123}
	with := func(command []string, flags ...Flag) Launch {
		l := own
		l.Command, l.Flags = command, flags
		return l
	}
	ownArgs := []string{"--host", "127.0.0.1", "--port", "8123", "--served-model-name", "tiny@r1-full"}
	model := []string{"--model", "/models/tiny"}
	join := func(parts ...[]string) []string {
		var argv []string
		for _, p := range parts {
			argv = append(argv, p...)
		}
		return argv
	}
	tests := []struct {
		name   string
		launch Launch
		want   []string
	}{
		{"python", with(python), join(python, model, ownArgs)},
		{"vllm serve takes the model by position", with([]string{"vllm", "serve"}), join([]string{"vllm", "serve", "/models/tiny"}, ownArgs)},
		{"vllm by path, behind another command", with([]string{"conda", "run", "/opt/bin/vllm", "serve"}), join([]string{"conda", "run", "/opt/bin/vllm", "serve", "/models/tiny"}, ownArgs)},
		{"vllm with another word is a wrapper", with([]string{"vllm", "bench"}), join([]string{"vllm", "bench"}, model, ownArgs)},
		{"serve of somebody else is a wrapper", with([]string{"my-vllm", "serve"}), join([]string{"my-vllm", "serve"}, model, ownArgs)},
		{"a wrapper script", with([]string{"./serve.sh"}), join([]string{"./serve.sh"}, model, ownArgs)},
		{
			"flags in order: value, bare, off, repeated, JSON",
			with(python,
				Flag{Name: "seed", Values: []string{"0"}},
				Flag{Name: "enforce-eager"},
				Flag{Name: "enable-prefix-caching", Off: true},
				Flag{Name: "lora-modules", Values: []string{"a=/a", "b=/b"}},
				Flag{Name: "hf-overrides", Values: []string{`{"a_b": 1}`}}),
			join(python, model, ownArgs, []string{"--seed", "0", "--enforce-eager", "--lora-modules", "a=/a", "b=/b", "--hf-overrides", `{"a_b": 1}`}),
		},
		{
			"underscores become dashes, but not in a JSON key or a value",
			with(python, Flag{Name: "max_model_len", Values: []string{"2_048"}}, Flag{Name: "spec_config.num_tokens.a_b", Values: []string{"3"}}),
			join(python, model, ownArgs, []string{"--max-model-len", "2_048", "--spec-config.num_tokens.a_b", "3"}),
		},
		{
			"an alias follows the name of the launch",
			Launch{Command: python, Model: "m", ServedNames: []string{"m@r1-full", "alias"}, Port: 1},
			join(python, []string{"--model", "m", "--port", "1", "--served-model-name", "m@r1-full", "alias"}),
		},
		{"nothing but a command", Launch{Command: python}, python},
		{"nothing at all", Launch{}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.launch.Argv(), test.want); diff != "" {
				t.Errorf("argv (-got +want):\n%s", diff)
			}
		})
	}
}

func TestArgvLeavesTheCommandAlone(t *testing.T) {
	backing := []string{"python", "-m", "server", "untouched", "untouched", "untouched"}
	l := Launch{Command: backing[:3], Model: "m", Port: 1}
	l.Argv()
	if diff := cmp.Diff(backing[3:], []string{"untouched", "untouched", "untouched"}); diff != "" {
		t.Errorf("the command's array (-got +want):\n%s", diff)
	}
}

func TestEnviron(t *testing.T) {
	tests := []struct {
		name string
		base []string
		add  [][2]string
		want []string
	}{
		{"empty", nil, nil, []string{"PYTHONUNBUFFERED=1"}},
		{
			"sorted by name, added values win over inherited, later over earlier",
			[]string{"B=1", "A_B=2", "A=3", "B=4"},
			[][2]string{{"A", "5"}, {"C", "x=y"}, {"A", "6"}},
			[]string{"A=6", "A_B=2", "B=4", "C=x=y", "PYTHONUNBUFFERED=1"},
		},
		{"an inherited PYTHONUNBUFFERED stays, empty or not", []string{"PYTHONUNBUFFERED="}, nil, []string{"PYTHONUNBUFFERED="}},
		{"an added one as well", nil, [][2]string{{"PYTHONUNBUFFERED", "0"}}, []string{"PYTHONUNBUFFERED=0"}},
		{"entries without a name are left out", []string{"=x", "novalue", "E="}, nil, []string{"E=", "PYTHONUNBUFFERED=1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(Environ(test.base, test.add), test.want); diff != "" {
				t.Errorf("environment (-got +want):\n%s", diff)
			}
		})
	}
}

func TestMask(t *testing.T) {
	env := []string{
		"HF_TOKEN=a", "HUGGING_FACE_HUB_TOKEN=a", "VLLM_API_KEY=a", "OPENAI_APIKEY=a", "AWS_SECRET_ACCESS_KEY=a", "PGPASSWORD=a",
		"MYSQL_PWD=a", "GITHUB_PAT=a", "GOOGLE_APPLICATION_CREDENTIALS=a", "hf_token=a=b", "EMPTY_TOKEN=",
		"TOKENIZERS_PARALLELISM=false", "MAX_TOKENS=5", "PWD=/home", "OLDPWD=/", "PATH=/bin", "KEYBOARD=us", "COMPAT=1", "novalue",
		"HTTPS_PROXY=http://me:pa:ss@proxy:3128/x", "URL=http://host/a@b:c",
	}
	want := []string{
		"HF_TOKEN=***", "HUGGING_FACE_HUB_TOKEN=***", "VLLM_API_KEY=***", "OPENAI_APIKEY=***", "AWS_SECRET_ACCESS_KEY=***", "PGPASSWORD=***",
		"MYSQL_PWD=***", "GITHUB_PAT=***", "GOOGLE_APPLICATION_CREDENTIALS=***", "hf_token=***", "EMPTY_TOKEN=",
		"TOKENIZERS_PARALLELISM=false", "MAX_TOKENS=5", "PWD=/home", "OLDPWD=/", "PATH=/bin", "KEYBOARD=us", "COMPAT=1", "novalue",
		"HTTPS_PROXY=http://***@proxy:3128/x", "URL=http://host/a@b:c",
	}
	before := append([]string(nil), env...)
	if diff := cmp.Diff(Mask(env), want); diff != "" {
		t.Errorf("masked (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(env, before); diff != "" {
		t.Errorf("the original changed (-got +want):\n%s", diff)
	}
}

func TestMaskArgv(t *testing.T) {
	argv := []string{
		"python", "--api-key", "one", "two", "--port", "1", "--api_key=three", "--hf-token", "four",
		"--max-num-batched-tokens", "2048", "--tokenizer", "x", "--ssl-keyfile", "/k", "--proxy", "http://u:p@h", "--url=http://u:p@h",
	}
	want := []string{
		"python", "--api-key", "***", "***", "--port", "1", "--api_key=***", "--hf-token", "***",
		"--max-num-batched-tokens", "2048", "--tokenizer", "x", "--ssl-keyfile", "/k", "--proxy", "http://***@h", "--url=http://***@h",
	}
	if diff := cmp.Diff(MaskArgv(argv), want); diff != "" {
		t.Errorf("masked (-got +want):\n%s", diff)
	}
}

func TestDiff(t *testing.T) {
	launch := func(port, name string, rest ...string) []string {
		return append([]string{"vllm", "serve", "m", "--port", port, "--served-model-name", name}, rest...)
	}
	tests := []struct {
		name string
		a, b LaunchRecord
		want []string
	}{
		{
			"the same but for port and name",
			LaunchRecord{Argv: launch("1", "m@r-full", "alias", "--seed", "0"), Env: []string{"A=1"}},
			LaunchRecord{Argv: launch("2", "m@r-summarization", "alias", "--seed", "0"), Env: []string{"A=1"}},
			nil,
		},
		{
			"port and name joined to their flags",
			LaunchRecord{Argv: []string{"x", "--port=1", "--served-model-name=a"}},
			LaunchRecord{Argv: []string{"x", "--port=2", "--served-model-name=b"}},
			nil,
		},
		{
			"another value",
			LaunchRecord{Argv: launch("1", "a", "--seed", "0", "--dtype", "half")},
			LaunchRecord{Argv: launch("2", "b", "--seed", "1", "--dtype", "half")},
			[]string{`arguments: ["0"] in the first launch, ["1"] in the second`},
		},
		{
			"one more flag",
			LaunchRecord{Argv: launch("1", "a", "--seed", "0")},
			LaunchRecord{Argv: launch("2", "b", "--enforce-eager", "--seed", "0")},
			[]string{`arguments: nothing in the first launch, ["--enforce-eager"] in the second`},
		},
		{
			"another alias",
			LaunchRecord{Argv: launch("1", "a", "alias")},
			LaunchRecord{Argv: launch("2", "b", "other")},
			[]string{`arguments: ["alias"] in the first launch, ["other"] in the second`},
		},
		{
			"a secret flag is not shown",
			LaunchRecord{Argv: []string{"x", "--api-key", "geheim"}},
			LaunchRecord{Argv: []string{"x", "--api-key", "anders"}},
			[]string{`arguments: ["***"] in the first launch, ["***"] in the second`},
		},
		{
			"environment: changed, added, removed, secret; in any order",
			LaunchRecord{Env: []string{"B=1", "A=1", "HF_TOKEN=geheim", "GONE=x", "SAME=s"}},
			LaunchRecord{Env: []string{"SAME=s", "NEW=", "A=2", "B=1", "HF_TOKEN=anders"}},
			[]string{
				`environment A: "1" in the first launch, "2" in the second`,
				`environment GONE: "x" in the first launch, not set in the second`,
				`environment HF_TOKEN: "***" in the first launch, "***" in the second`,
				`environment NEW: not set in the first launch, "" in the second`,
			},
		},
		{"nothing", LaunchRecord{}, LaunchRecord{}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(Diff(test.a, test.b), test.want); diff != "" {
				t.Errorf("differences (-got +want):\n%s", diff)
			}
		})
	}
}
