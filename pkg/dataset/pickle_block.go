package dataset

import "fmt"

// block is a group of columns of a DataFrame that have one type, as an array with a row for each column.
type block struct {
	values    any
	placement any // the columns it holds, as positions in the frame
}

// row gives the cells of the block's i-th column.
func (b block) row(i int) ([]any, error) {
	a, ok := b.values.(*ndarray)
	if !ok {
		return textCells(b.values)
	}
	columns, rows := 1, 0
	switch len(a.shape) {
	case 1:
		rows = a.shape[0]
	case 2:
		columns, rows = a.shape[0], a.shape[1]
	default:
		return nil, fmt.Errorf("column %s is an array of %d dimensions; the file is damaged", column, len(a.shape))
	}
	if i >= columns {
		return nil, fmt.Errorf("column %s is the %d-th of a block of %d; the file is damaged", column, i+1, columns)
	}
	if rows == 0 {
		return nil, nil
	}
	cells, err := a.objects()
	if err != nil {
		return nil, fmt.Errorf("row 0: column %s %w, which holds a list or array of integers in each row", column, err)
	}
	if !a.fortran {
		return cells[i*rows : (i+1)*rows], nil
	}
	picked := make([]any, rows)
	for r := range picked {
		picked[r] = cells[r*columns+i]
	}
	return picked, nil
}

// textCells gives the cells of a column of texts; no other extension type can hold ids either.
func textCells(values any) ([]any, error) {
	cells, err := labelsIn(values)
	if err != nil {
		return nil, fmt.Errorf("row 0: column %s is %s; allowed: objects, each a list or array of integers", column,
			describe(values))
	}
	return cells, nil
}

// indexIn tells at which place of a block's placement, a slice or an array, the position is.
func indexIn(placement any, position int) (int, bool) {
	if a, ok := placement.(*ndarray); ok {
		return indexInArray(a, position)
	}
	s, ok := instanceOf(placement, roleSlice)
	if !ok {
		return 0, false
	}
	start, stop, step, ok := sliceBounds(s)
	if !ok || step == 0 || (position-start)%step != 0 {
		return 0, false
	}
	i := (position - start) / step
	inside := step > 0 && position < stop || step < 0 && position > stop
	return i, inside && i >= 0
}

func sliceBounds(s *instance) (start, stop, step int, ok bool) {
	start, ok = s.arg(0).(int)
	if !ok {
		return 0, 0, 0, false
	}
	if step, ok = s.arg(2).(int); !ok {
		step = 1
	}
	if stop, ok = s.arg(1).(int); !ok {
		stop = -1 // a block whose last column is the frame's first, counted downwards
	}
	return start, stop, step, true
}

func indexInArray(a *ndarray, position int) (int, bool) {
	raw, size, err := a.integers()
	if err != nil {
		return 0, false
	}
	for i := 0; i*size < len(raw); i++ {
		if n, isBig := a.dtype.integer(raw[i*size:]); n == int64(position) && !isBig {
			return i, true
		}
	}
	return 0, false
}
