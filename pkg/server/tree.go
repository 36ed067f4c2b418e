package server

// Tree returns the processes of the server, zombies included, by pid: as they are while it runs; once it has ended, or has
// lost a member that matters, as they were when that was noticed, before anything was swept. Each says what it waits for, as
// far as the system tells. It is empty where the system does not tell.
func (p *Process) Tree() []Proc {
	p.mu.Lock()
	remains, ended := p.remains, p.exit != nil || p.loss != nil
	p.mu.Unlock()
	if ended {
		return append([]Proc(nil), remains...)
	}
	return p.look()
}

// look describes the processes of the server.
func (p *Process) look() []Proc {
	procs, err := p.tree.look()
	if err != nil {
		return nil
	}
	for i := range procs {
		procs[i].Command = commandLine(procs[i].PID, procs[i].Command)
		procs[i] = withWaitChannel(procs[i])
	}
	return procs
}
