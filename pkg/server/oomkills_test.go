package server

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOOMKills(t *testing.T) {
	const v2 = "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n"
	tests := []struct {
		name  string
		files map[string]string
		want  int
	}{
		{"v2", map[string]string{"proc/self/cgroup": "0::/user.slice/a\n", "sys/fs/cgroup/user.slice/a/memory.events": v2}, 2},
		{"v2 in a container", map[string]string{"proc/self/cgroup": "0::/../b\n", "sys/fs/cgroup/memory.events": v2}, 2},
		{"v1", map[string]string{"proc/self/cgroup": "5:cpu:/x\n4:memory:/y\n",
			"sys/fs/cgroup/memory/y/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"}, 5},
		{"no such file", map[string]string{"proc/self/cgroup": "0::/a\n"}, 0},
		{"nonsense", map[string]string{"proc/self/cgroup": "what\n", "sys/fs/cgroup/memory.events": "oom_kill many\n"}, 0},
		{"nothing", nil, 0},
	}
	for _, tt := range tests {
		root := t.TempDir()
		for name, text := range tt.files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := oomKills(root); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}
