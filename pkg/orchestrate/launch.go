package orchestrate

import (
	"errors"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// launch starts the server's process.
func (p *pass) launch() error {
	step := p.name + ": start"
	port, err := p.port()
	if err != nil {
		return err
	}
	if err := p.connect(port); err != nil {
		return fail(ExitInternal, step, err, "")
	}
	launch := launchFor(p.cfg, p.o, p.served, port, p.timings.flags)
	rec := server.LaunchRecord{Argv: launch.Argv(), Env: serverEnviron(p.cfg, p.o, p.timings.env)}
	p.info.Launch = report.Launch{Argv: server.MaskArgv(rec.Argv), Env: server.Mask(rec.Env), Port: port,
		ServedModel: p.served}
	p.compareLaunch(rec)
	p.proc, err = server.Start(p.startOptions(rec, port))
	if err != nil {
		p.load.Close()
		return at("start", err)
	}
	p.info.Launch.PID = p.proc.PID()
	return nil
}

// startOptions are how the launch is run and stopped.
func (p *pass) startOptions(rec server.LaunchRecord, port int) server.Options {
	o := server.Options{Argv: rec.Argv, Env: rec.Env, Host: p.cfg.Server.Host, Port: port, LogPath: p.logPath(),
		StopTimeout: p.cfg.Server.StopTimeout, StopCommand: p.cfg.Server.StopCommand, Guard: p.o.Guard, RunDir: p.run.dir}
	if len(p.o.StateDirs) > 0 {
		o.StateDir = p.o.StateDirs[0]
	}
	return o
}

// port is the recipe's, if nobody else has it, or a free one.
func (p *pass) port() (port int, err error) {
	host := p.cfg.Server.Host
	if port = p.cfg.Server.Port; port == 0 {
		port, err = server.FreePort(host)
	} else {
		err = server.CheckPort(host, port)
	}
	if err == nil || errors.As(err, new(*server.PortInUseError)) {
		return port, at("start", err)
	}
	return 0, fail(ExitRecipe, p.name+": start", err, "set server.host to an address of this machine")
}

// connect makes the clients for the server that will listen on port.
func (p *pass) connect(port int) (err error) {
	base, key := baseURL(p.cfg.Server.Host, port), apiKey(p.cfg, p.o)
	if p.control, err = client.NewControl(base, client.ControlOptions{APIKey: key}); err != nil {
		return err
	}
	p.load, err = client.New(clientOptions(p.cfg, base, key, len(p.inputs.Prompts.Prompts)))
	return err
}

// compareLaunch notes how this launch differs from the first one, other than by port and served name.
func (p *pass) compareLaunch(rec server.LaunchRecord) {
	p.run.last = &rec
	if p.run.first == nil {
		p.run.first = &rec
		return
	}
	p.manifest.LaunchDifferences = append(p.manifest.LaunchDifferences, server.Diff(*p.run.first, rec)...)
}
