package server

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// proc is a process with the number of its session, started at the given time.
func proc(pid, ppid, sid int, start uint64) Proc {
	return Proc{PID: pid, PPID: ppid, PGID: sid, SID: sid, State: 'S', Threads: 1, StartTicks: start}
}

// machine is a box with a user's shell (100), an orchestrator (110), its guardian (120) and the server's leader (130).
func machine(more ...Proc) []Proc {
	return append([]Proc{
		proc(1, 0, 1, 1), proc(2, 0, 0, 1), proc(50, 2, 0, 2),
		proc(100, 1, 100, 900), proc(110, 100, 100, 1000), proc(111, 110, 100, 1001),
		proc(120, 110, 120, 1010), proc(130, 120, 130, 1020),
	}, more...)
}

func testLineage() *lineage {
	return &lineage{root: identity{120, 1010}, leader: identity{130, 1020}, marker: "m", spared: []int{110}}
}

func TestLineage(t *testing.T) {
	tests := []struct {
		name  string
		all   []Proc
		known []identity
		// marks are the values of the marker by pid; a pid that is missing cannot be read.
		marks map[int]string
		// hidden are those that have written over their environment.
		hidden []int
		// adopted says that the guardian was killed.
		adopted bool
		want    []int
	}{
		{name: "the leader alone", all: machine(), want: []int{130}},
		{name: "children and grandchildren", all: machine(proc(131, 130, 130, 1030), proc(132, 131, 130, 1040)), want: []int{130, 131, 132}},
		{name: "a grandchild with a session of its own", all: machine(proc(131, 130, 130, 1030), proc(132, 131, 132, 1040)), want: []int{130, 131, 132}},
		{name: "an orphan that came back to the guardian", all: machine(proc(140, 120, 140, 1040)), want: []int{130, 140}},
		{name: "an orphan of the session that went to init", all: machine(proc(140, 1, 130, 1040)), want: []int{130, 140}},
		{name: "one that shares an orphan's own session", all: machine(proc(140, 120, 140, 1040), proc(141, 1, 140, 1050)), want: []int{130, 140, 141}},
		{
			name: "the leader is a zombie: its session is still its",
			all: append(machine(proc(140, 1, 130, 1040))[:7:7], Proc{PID: 130, PPID: 120, PGID: 130, SID: 130, State: 'Z', Threads: 1, StartTicks: 1020},
				proc(140, 1, 130, 1040)),
			want: []int{130, 140},
		},
		{
			name: "the guardian is gone and the orphans were adopted",
			all:  []Proc{proc(1, 0, 1, 1), proc(110, 1, 100, 1000), proc(111, 110, 100, 1001), proc(130, 110, 130, 1020), proc(140, 110, 140, 1040)},
			want: []int{130},
		},
		{
			name:  "the same, and they were seen before",
			all:   []Proc{proc(1, 0, 1, 1), proc(110, 1, 100, 1000), proc(140, 110, 140, 1040), proc(141, 110, 140, 1050), proc(142, 140, 142, 1060)},
			known: []identity{{140, 1040}}, want: []int{140, 141, 142},
		},
		{
			name:  "numbers that mean others now: of the guardian, the leader, its session, and one seen before",
			all:   []Proc{proc(1, 0, 1, 1), proc(120, 1, 120, 5000), proc(121, 120, 120, 5001), proc(130, 1, 130, 5002), proc(131, 130, 130, 5003), proc(140, 1, 140, 5004)},
			known: []identity{{140, 1040}}, want: nil,
		},
		{
			name: "a child that is older than its parent is another's",
			all:  machine(proc(131, 130, 130, 1030), proc(200, 131, 200, 1029)), want: []int{130, 131},
		},
		{
			name:  "a marker, and what it stands for: descendants, but not the session",
			all:   machine(proc(200, 1, 200, 1500), proc(201, 200, 201, 1501), proc(202, 1, 200, 1502)),
			marks: map[int]string{200: "m", 201: "", 202: ""}, want: []int{130, 200, 201},
		},
		{
			name:  "another launch's marker, none, and one that cannot be read",
			all:   machine(proc(200, 1, 200, 1500), proc(201, 1, 201, 1501), proc(202, 1, 202, 1502)),
			marks: map[int]string{200: "n", 201: ""}, want: []int{130},
		},
		{
			name:  "the orchestrator, its shell, the guardian and init are spared, whatever they carry",
			all:   machine(),
			marks: map[int]string{1: "m", 110: "m", 120: "m"}, want: []int{130},
		},
		{
			name:  "one of ours that went into the orchestrator's session does not give that away",
			all:   machine(proc(131, 130, 100, 1030)),
			marks: map[int]string{}, want: []int{130, 131},
		},
		{
			name:  "the guardian was killed: its orphans hide their environment, what the orchestrator has started does not",
			all:   machine(proc(140, 110, 140, 1040), proc(141, 140, 140, 1050), proc(150, 110, 100, 1040), proc(151, 110, 100, 1041), proc(152, 110, 100, 1005), proc(153, 1, 153, 1060)),
			marks: map[int]string{150: ""}, hidden: []int{140, 152, 153}, adopted: true, want: []int{130, 140, 141},
		},
		{
			name:   "a child of the orchestrator that hides its environment, and the guardian lives",
			all:    machine(proc(140, 110, 140, 1040)),
			hidden: []int{140}, want: []int{130},
		},
		{name: "nobody", all: nil, want: nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := testLineage()
			l.remember(test.known)
			if test.adopted {
				l.adopt(identity{110, 1000})
			}
			env := func(pid int) (string, environState) {
				value, read := test.marks[pid]
				switch {
				case read:
					return value, environRead
				case slices.Contains(test.hidden, pid):
					return "", environHidden
				}
				return "", environUnread
			}
			for _, look := range []string{"first", "second"} {
				var got []int
				for _, p := range l.of(test.all, env) {
					got = append(got, p.PID)
				}
				if diff := cmp.Diff(got, test.want); diff != "" {
					t.Errorf("%s look (-got +want):\n%s", look, diff)
				}
			}
		})
	}
}

// What was proven once stays ours when the evidence is gone: here, its ancestors.
func TestLineageRemembers(t *testing.T) {
	l := testLineage()
	l.of(machine(proc(131, 130, 130, 1030), proc(132, 131, 132, 1040)), nil)
	got := l.of([]Proc{proc(1, 0, 1, 1), proc(132, 1, 132, 1040), proc(133, 1, 133, 1041)}, nil)
	if diff := cmp.Diff(got, []Proc{proc(132, 1, 132, 1040)}); diff != "" {
		t.Errorf("ours (-got +want):\n%s", diff)
	}
}

// An environment that was read is not read again, one that could not be is.
func TestLineageReadsOnce(t *testing.T) {
	l := testLineage()
	reads := map[int]int{}
	env := func(pid int) (string, environState) {
		reads[pid]++
		return "", map[bool]environState{true: environUnread, false: environRead}[pid == 111]
	}
	l.of(machine(), env)
	l.of(machine(), env)
	if reads[100] != 1 || reads[111] != 2 || reads[130] != 0 {
		t.Errorf("read %v, want 100 once, 111 twice, 130 never", reads)
	}
}

// Whatever the picture, also one with loops in it, the spared are spared and nothing is claimed without a reason.
func TestLineageOnTornPictures(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var all []Proc
		for pid := 1; pid < 40; pid++ {
			all = append(all, proc(pid, r.IntN(40), r.IntN(40), uint64(r.IntN(5))))
		}
		l := &lineage{root: identity{all[4].PID, all[4].StartTicks}, leader: identity{all[9].PID, all[9].StartTicks}, spared: []int{20}}
		for _, p := range l.of(all, nil) {
			if p.PID == 1 || p.PID == 5 || p.PID == 20 {
				t.Fatalf("%+v was claimed", p)
			}
		}
		alone := &lineage{root: identity{5, 99}, leader: identity{10, 99}}
		if got := alone.of(all, nil); len(got) != 0 {
			t.Fatalf("without any evidence %v was claimed", got)
		}
	}
}
