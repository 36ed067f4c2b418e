package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestThoseThatMatter(t *testing.T) {
	python := []string{"python", "-m", "vllm.entrypoints.openai.api_server", "--port", "1"}
	tracker := []string{"/usr/bin/python", "-c", "from multiprocessing.resource_tracker import main;main(33)"}
	spawned := []string{"/usr/bin/python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=34, pipe_handle=40)", "--multiprocessing-fork"}
	view := func(pid, ppid int, argv []string, listens, seen bool) memberView {
		return memberView{Proc: proc(pid, ppid, 10, 100), argv: argv, listens: listens, seen: seen}
	}
	tests := []struct {
		name    string
		members []memberView
		want    map[int]string
	}{
		{
			"vLLM with titles",
			[]memberView{view(10, 1, python, true, true), view(11, 10, tracker, false, true),
				view(12, 10, []string{"VLLM::EngineCore"}, false, false), view(13, 12, []string{"VLLM::Worker_TP0 "}, false, true),
				view(14, 10, []string{"VLLM::DPCoordinator"}, false, true), view(15, 10, []string{"nvidia-smi"}, false, true)},
			map[int]string{12: "VLLM::EngineCore", 13: "VLLM::Worker_TP0", 14: "VLLM::DPCoordinator"},
		},
		{
			"without titles, spawned and forked; a fork that was not there before may be on its way to another program",
			[]memberView{view(10, 1, python, true, true), view(11, 10, tracker, false, true), view(12, 10, spawned, false, false),
				view(13, 10, python, false, true), view(14, 13, python, false, true), view(15, 10, python, false, false)},
			map[int]string{12: "multiprocessing worker", 13: "worker process", 14: "worker process"},
		},
		{
			"behind two wrappers, one of which has another child",
			[]memberView{view(10, 1, []string{"/bin/sh", "serve.sh"}, false, true), view(11, 10, []string{"/opt/conda", "run"}, false, true),
				view(12, 11, python, true, true), view(13, 12, []string{"VLLM::EngineCore"}, false, true), view(14, 10, []string{"tee", "log"}, false, true)},
			map[int]string{11: "wrapper conda", 12: "API server", 13: "VLLM::EngineCore"},
		},
		{
			"several API servers that share a socket",
			[]memberView{view(10, 1, python, true, true), view(11, 10, []string{"VLLM::APIServer_0"}, true, true), view(12, 10, []string{"VLLM::APIServer_1"}, true, true)},
			map[int]string{11: "VLLM::APIServer_0", 12: "VLLM::APIServer_1"},
		},
		{
			"nobody listens here: a server in a container, or no port",
			[]memberView{view(10, 1, []string{"docker", "run"}, false, true), view(11, 10, []string{"x"}, false, true)},
			map[int]string{},
		},
		{
			"a loop",
			[]memberView{view(10, 12, python, true, true), view(11, 12, python, false, true), view(12, 11, python, false, true)},
			map[int]string{},
		},
		{"nothing", nil, map[int]string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := map[int]string{}
			for id, name := range thoseThatMatter(identity{10, 100}, test.members) {
				got[id.PID] = name
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("members (-got +want):\n%s", diff)
			}
		})
	}
}

func TestExitErrorNamesTheMember(t *testing.T) {
	e := &ExitError{Exit: Exit{Status: -1, Signal: "SIGKILL", Ran: 2500e6}, Member: &Member{PID: 7, Name: "VLLM::EngineCore"}}
	if got, want := e.Summary(), "VLLM::EngineCore (pid 7) of the server ended unasked: ended by SIGKILL after 2.5 s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	e.Exit = Exit{Status: -1, Ran: 2500e6}
	if got, want := e.Summary(), "VLLM::EngineCore (pid 7) of the server ended unasked: exit status unknown after 2.5 s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
