package client

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Lags are how long the bytes of chunks lay in the kernel before this program had read them, in microseconds; a negative one is
// not known, since the kernel gave no usable stamp. The JSON is a list of numbers, null for one that is not known.
type Lags []int32

// microseconds is a lag as Lags have it.
func microseconds(lag time.Duration) int32 {
	if lag < 0 {
		return -1
	}
	return int32(min(lag.Round(time.Microsecond).Microseconds(), math.MaxInt32))
}

// MarshalJSON never fails.
func (l Lags) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 2+4*len(l))
	b = append(b, '[')
	for i, lag := range l {
		if i > 0 {
			b = append(b, ',')
		}
		if lag < 0 {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendInt(b, int64(lag), 10)
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote; the error is that of a list of other things.
func (l *Lags) UnmarshalJSON(text []byte) error {
	var list []*int32
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	*l = make(Lags, len(list))
	for i, lag := range list {
		(*l)[i] = -1
		if lag != nil {
			(*l)[i] = max(*lag, -1)
		}
	}
	return nil
}
