package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// labels gives the labels of a pandas Index of texts or mixed objects. An index of anything else has none that could be
// the name of our column.
func labels(index any) ([]any, error) {
	i, ok := instanceOf(index, roleIndex)
	if !ok {
		return nil, fmt.Errorf("are %s; allowed: an Index", describe(index))
	}
	data, ok := lookup(i.arg(1), "data")
	if !ok {
		return nil, nil
	}
	if a, ok := data.(*ndarray); ok && (a.dtype == nil || !a.dtype.isObject()) {
		return nil, nil
	}
	return labelsIn(data)
}

// labelsIn gives the values of an array of objects or texts: numpy's, one of pandas around it, or one of Arrow's.
func labelsIn(data any) ([]any, error) {
	if a, ok := data.(*ndarray); ok {
		return a.objects()
	}
	i, ok := data.(*instance)
	if !ok {
		return nil, fmt.Errorf("are held by %s", describe(data))
	}
	if parts, ok := sequence(i.state); ok {
		return objectsAmong(parts)
	}
	for _, key := range []string{"_pa_array", "_data", "_ndarray"} {
		held, ok := lookup(i.state, key)
		if !ok {
			continue
		}
		if a, ok := held.(*ndarray); ok {
			return a.objects()
		}
		return arrowTexts(held)
	}
	return nil, fmt.Errorf("are held by %s", describe(data))
}

// objectsAmong finds the array in the state of a pandas array that is backed by one of numpy.
func objectsAmong(parts []any) ([]any, error) {
	for _, part := range parts {
		if a, ok := part.(*ndarray); ok {
			return a.objects()
		}
	}
	return nil, errors.New("are held by an array without data")
}

// arrowTexts gives the texts of an Arrow array, or of one in chunks.
func arrowTexts(v any) ([]any, error) {
	chunked, ok := instanceOf(v, roleArrowChunks)
	if !ok {
		return arrowChunk(v)
	}
	chunks, _ := sequence(chunked.arg(0))
	var all []any
	for _, c := range chunks {
		texts, err := arrowChunk(c)
		if err != nil {
			return nil, err
		}
		all = append(all, texts...)
	}
	return all, nil
}

// arrowChunk gives the texts of one Arrow array, which is pickled as (type, length, nulls, offset, buffers, …); the buffers
// of a text array are validity, the offsets where texts begin, and the texts behind one another.
func arrowChunk(v any) ([]any, error) {
	i, ok := instanceOf(v, roleArrowArray)
	if !ok {
		return nil, fmt.Errorf("are held by %s", describe(v))
	}
	parts, _ := sequence(i.arg(0))
	if len(parts) < 5 {
		return nil, fmt.Errorf("are an Arrow array of %d parts; allowed: 5 or more", len(parts))
	}
	width, err := offsetWidth(parts[0])
	if err != nil {
		return nil, err
	}
	length, ok1 := parts[1].(int)
	first, ok2 := parts[3].(int)
	buffers, ok3 := sequence(parts[4])
	if !ok1 || !ok2 || !ok3 || len(buffers) != 3 || first < 0 || length < 0 {
		return nil, errors.New("are an Arrow array that is no array of texts")
	}
	offsets, text := bufferBytes(buffers[1]), bufferBytes(buffers[2])
	if have := len(offsets)/width - 1; length > have || first > have-length {
		return nil, errors.New("are an Arrow array that is shorter than its length; the file is damaged")
	}
	return cutTexts(offsets[first*width:], width, text, length)
}

// offsetWidth is the size of an offset of the Arrow type, in bytes.
func offsetWidth(typ any) (int, error) {
	i, ok := typ.(*instance)
	name, _ := "", ""
	if ok {
		name, _ = i.arg(0).(string)
	}
	switch name {
	case "large_string", "large_utf8":
		return 8, nil
	case "string", "utf8":
		return 4, nil
	}
	return 0, fmt.Errorf("are an Arrow array of type %s; allowed: string large_string", describe(typ))
}

func bufferBytes(v any) []byte {
	i, ok := instanceOf(v, roleArrowBuffer)
	if !ok {
		return nil
	}
	b, _ := rawBytes(i.arg(0))
	return b
}

func cutTexts(offsets []byte, width int, text []byte, n int) ([]any, error) {
	at := func(i int) uint64 {
		if width == 4 {
			return uint64(binary.LittleEndian.Uint32(offsets[4*i:]))
		}
		return binary.LittleEndian.Uint64(offsets[8*i:])
	}
	texts := make([]any, n)
	for i := range texts {
		from, to := at(i), at(i+1)
		if from > to || to > uint64(len(text)) {
			return nil, errors.New("are an Arrow array whose offsets leave its text; the file is damaged")
		}
		texts[i] = string(text[from:to])
	}
	return texts, nil
}
