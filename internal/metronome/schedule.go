package metronome

// schedule has the streams that wait for a token to be due, in that order.
//
// Note: all streams have the same time to the first token and the same interval. So first tokens fall due in the order in which
// requests were read, and later ones in the order in which the ones before them were sent: two queues do the work of a heap, at the
// cost of a comparison.
type schedule[T any] struct{ first, later queue[T] }

// begin adds one that waits for its first token.
func (s *schedule[T]) begin(due int64, v T) { s.first.push(due, v) }

// again adds one that was just taken from the schedule, and is next due an interval later.
func (s *schedule[T]) again(due int64, v T) { s.later.push(due, v) }

// next is when the next one is due; ok is false when nothing waits.
func (s *schedule[T]) next() (due int64, ok bool) {
	q := s.soonest()
	if q.n == 0 {
		return 0, false
	}
	return q.front().due, true
}

// take takes the next one, which must be there.
func (s *schedule[T]) take() T { return s.soonest().pop() }

func (s *schedule[T]) soonest() *queue[T] {
	if s.later.n == 0 || s.first.n > 0 && s.first.front().due <= s.later.front().due {
		return &s.first
	}
	return &s.later
}

// queue is first in, first out, in a ring that grows.
type queue[T any] struct {
	ring    []entry[T]
	head, n int
}

type entry[T any] struct {
	due   int64
	value T
}

func (q *queue[T]) front() *entry[T] { return &q.ring[q.head] }

func (q *queue[T]) push(due int64, v T) {
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)%len(q.ring)] = entry[T]{due, v}
	q.n++
}

func (q *queue[T]) pop() T {
	v := q.ring[q.head].value
	q.ring[q.head] = entry[T]{}
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	return v
}

func (q *queue[T]) grow() {
	ring := make([]entry[T], max(64, 2*len(q.ring)))
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)%len(q.ring)]
	}
	q.ring, q.head = ring, 0
}
