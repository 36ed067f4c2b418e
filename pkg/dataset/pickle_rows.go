package dataset

import (
	"fmt"
	"math/big"
)

// promptsOf turns the cells of the first rows, want or (0) all, into prompts. size is the length of the pickle in bytes.
func promptsOf(cells []any, want, size int) (table, error) {
	t := table{rows: len(cells)}
	if want > 0 && want < len(cells) {
		cells = cells[:want]
	}
	c := cellReader{seen: map[any][]int32{}, left: size}
	var bad rowErrors
	for row, cell := range cells {
		ids, err := c.ids(cell)
		if err != nil {
			bad.add(fmt.Sprintf("row %d", row), err)
		}
		t.prompts = append(t.prompts, Prompt{Row: row, IDs: ids})
	}
	return t, bad.err()
}

// cellReader reads the ids of cells. An object that is the cell of several rows is read once.
type cellReader struct {
	seen map[any][]int32
	// left is how many more ids the pickle can hold: an id takes a byte of it at least. Without this bound a small file
	// could make arrays without number out of one buffer.
	left int
}

// ids reads one cell.
func (c *cellReader) ids(cell any) ([]int32, error) {
	a, isArray := cell.(*ndarray)
	elements, isList := sequence(cell)
	if !isArray && !isList {
		return nil, fmt.Errorf("is %s; %s", describe(cell), wanted)
	}
	if ids, ok := c.seen[cell]; ok {
		return ids, nil
	}
	ids, err := c.read(a, elements)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, errNoIDs
	}
	c.seen[cell] = ids
	return ids, nil
}

// read reads an array or, where that is nil, a list.
func (c *cellReader) read(a *ndarray, elements []any) ([]int32, error) {
	if a == nil {
		return c.readList(elements)
	}
	if len(a.shape) != 1 {
		return nil, fmt.Errorf("is an array of %d dimensions, shape %v; %s", len(a.shape), a.shape, wanted)
	}
	if a.dtype.isObject() {
		elements, err := a.objects()
		if err != nil {
			return nil, err
		}
		return c.readList(elements)
	}
	if err := c.spend(a.len()); err != nil {
		return nil, err
	}
	raw, size, err := a.integers()
	if err != nil {
		return nil, err
	}
	ids := make([]int32, a.len())
	for i := range ids {
		if ids[i], err = a.dtype.id(i, raw[i*size:(i+1)*size]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (c *cellReader) readList(elements []any) ([]int32, error) {
	if err := c.spend(len(elements)); err != nil {
		return nil, err
	}
	ids := make([]int32, len(elements))
	for i, v := range elements {
		var err error
		if ids[i], err = elementID(i, v); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (c *cellReader) spend(n int) error {
	if n > c.left {
		return fmt.Errorf("has %d ids, and the rows up to it more than the file has bytes; the file is damaged", n)
	}
	c.left -= n
	return nil
}

// elementID reads the index-th element of a list.
func elementID(index int, v any) (int32, error) {
	switch v := v.(type) {
	case int:
		return checkID(index, int64(v))
	case *scalar:
		return v.id(index)
	case *big.Int:
		return 0, badID(index, clip(v.String()))
	}
	return 0, badID(index, describe(v))
}
