package simulator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Version is the release that the simulator looks like.
const Version = "0.32.0"

// keepAlive is how long an idle connection stays open, as with uvicorn.
const keepAlive = 5 * time.Second

// server answers HTTP requests.
type server struct {
	options     *options
	engine      *engine
	stats       *stats
	truth       *truthWriter
	log         *logger
	plan        faultPlan
	condition   *condition
	startedAt   time.Time
	readyAt     time.Time
	completions atomic.Int64
	// end is called when a fault ends the process; it may return before the process is gone.
	end func(fault)
	// do is called when a fault does something to the process that goes on.
	do func(*fault)

	mu     sync.Mutex
	sealed bool           // no further completion begins
	active sync.WaitGroup // completions being served
}

// begin counts a completion that is being served, unless the server is sealed; active.Done ends it.
func (s *server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sealed {
		s.active.Add(1)
	}
	return !s.sealed
}

// seal waits until every completion has been served and keeps others from beginning.
func (s *server) seal() {
	s.mu.Lock()
	s.sealed = true
	s.mu.Unlock()
	s.active.Wait()
}

// routes are the endpoints by path and method.
func (s *server) routes() map[string]map[string]http.HandlerFunc {
	return map[string]map[string]http.HandlerFunc{
		"/health":         {http.MethodGet: s.serveHealth},
		"/ping":           {http.MethodGet: s.serveHealth, http.MethodPost: s.serveHealth},
		"/version":        {http.MethodGet: s.serveVersion},
		"/load":           {http.MethodGet: s.serveLoad},
		"/metrics":        {http.MethodGet: s.serveMetrics},
		"/v1/models":      {http.MethodGet: s.serveModels},
		"/v1/completions": {http.MethodPost: s.serveCompletion},
	}
}

// handler is the whole API.
func (s *server) handler() http.Handler {
	routes := s.routes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Server", "uvicorn")
		header.Set("Vary", "Origin")
		logged := &loggedResponse{ResponseWriter: w, server: s, request: r}
		if !s.authorized(r) {
			writeJSON(logged, http.StatusUnauthorized, []byte(`{"error":"Unauthorized"}`))
			return
		}
		methods, known := routes[r.URL.Path]
		serve, allowed := methods[r.Method]
		switch {
		case !known:
			writeJSON(logged, http.StatusNotFound, []byte(`{"detail":"Not Found"}`))
		case !allowed:
			var names []string
			for name := range methods {
				names = append(names, name)
			}
			slices.Sort(names)
			header.Set("Allow", strings.Join(names, ", "))
			writeJSON(logged, http.StatusMethodNotAllowed, []byte(`{"detail":"Method Not Allowed"}`))
		default:
			serve(logged, r)
		}
	})
}

// authorized checks the API key, which guards /v1 and the like only.
func (s *server) authorized(r *http.Request) bool {
	if len(s.options.apiKeys) == 0 || !strings.HasPrefix(r.URL.Path, "/v1") {
		return true
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "bearer") && slices.Contains(s.options.apiKeys, key)
}

// serveHealth tells whether the engine is alive; it runs no request.
func (s *server) serveHealth(w http.ResponseWriter, r *http.Request) {
	if f := s.condition.slowHealth.Load(); f != nil {
		var over <-chan time.Time
		if f.lasting > 0 {
			timer := time.NewTimer(f.lasting)
			defer timer.Stop()
			over = timer.C
		}
		select {
		case <-over:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	status := http.StatusOK
	if s.condition.dead.isSet() {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

func (s *server) serveVersion(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`{"version":"`+s.options.version+`"}`))
}

func (s *server) serveLoad(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`{"server_load":0}`))
}

func (s *server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=1.0.0; charset=utf-8")
	_, _ = w.Write(s.stats.expose(s.startedAt))
}

// checkModel refuses a model that is not served; a request need not name one.
func (s *server) checkModel(name string) *apiError {
	if name == "" || slices.Contains(s.options.servedNames, name) || s.isAdapter(name) {
		return nil
	}
	return modelNotFound(name, s.options.servedNames)
}

func (s *server) isAdapter(name string) bool {
	return slices.ContainsFunc(s.options.adapters, func(a adapter) bool { return a.Name == name })
}

// writeJSON writes a JSON body of known length.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no body
}

func writeError(w http.ResponseWriter, err *apiError) { writeJSON(w, err.Code, err.body()) }

// loggedResponse writes the access log when the head of the response is out, as uvicorn does.
type loggedResponse struct {
	http.ResponseWriter
	server  *server
	request *http.Request
	began   bool
}

// Unwrap lets http.ResponseController flush.
func (l *loggedResponse) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// WriteHeader starts the response.
func (l *loggedResponse) WriteHeader(status int) {
	if l.began {
		return
	}
	l.began = true
	l.ResponseWriter.WriteHeader(status)
	if l.server.options.accessLog {
		l.server.log.access(l.request, status)
	}
}

// Write starts the response with status 200 unless it has begun.
func (l *loggedResponse) Write(p []byte) (int, error) {
	if !l.began {
		l.WriteHeader(http.StatusOK)
	}
	return l.ResponseWriter.Write(p)
}
