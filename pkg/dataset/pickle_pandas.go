package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// columnOf finds the tok_inputs of a pickled object: one cell a row.
func columnOf(root any) ([]any, error) {
	if frame, ok := instanceOf(root, roleFrame); ok {
		return frameColumn(frame)
	}
	if series, ok := instanceOf(root, roleSeries); ok {
		return seriesCells(series)
	}
	if isDict(root) {
		v, ok := lookup(root, column)
		if !ok {
			return nil, fmt.Errorf("the pickle is a dict without the key %s", column)
		}
		return listCells(v)
	}
	return listCells(root)
}

// listCells gives the rows of a column that is no DataFrame's: a list, tuple, array of objects or Series. Rows that are
// dicts have their ids under tok_inputs.
func listCells(v any) ([]any, error) {
	if series, ok := instanceOf(v, roleSeries); ok {
		return seriesCells(series)
	}
	if a, ok := v.(*ndarray); ok {
		return a.objects()
	}
	rows, ok := sequence(v)
	if !ok {
		return nil, fmt.Errorf("the pickle holds %s; allowed: a pandas DataFrame with a column %s, a Series, a dict with the "+
			"key %s, or a list of rows", describe(v), column, column)
	}
	cells := make([]any, len(rows))
	for i, row := range rows {
		cells[i] = row
		if !isDict(row) {
			continue
		}
		if cells[i], ok = lookup(row, column); !ok {
			return nil, fmt.Errorf("row %d (from 0) is a dict without the key %s", i, column)
		}
	}
	return cells, nil
}

func frameColumn(frame *instance) ([]any, error) {
	m, err := managerOf(frame)
	if err != nil {
		return nil, fmt.Errorf("the DataFrame: %w", err)
	}
	names, err := labels(m.axes[0])
	if err != nil {
		return nil, fmt.Errorf("the DataFrame: its columns: %w", err)
	}
	at := slices.Index(names, any(column))
	if at < 0 {
		return nil, fmt.Errorf("the DataFrame has no column %s; it has %s", column, listNames(names))
	}
	if slices.Contains(names[at+1:], any(column)) {
		return nil, fmt.Errorf("the DataFrame has more than one column %s", column)
	}
	for _, b := range m.blocks {
		if i, ok := indexIn(b.placement, at); ok {
			return b.row(i)
		}
	}
	return nil, fmt.Errorf("the DataFrame: no block holds column %d; the file is damaged", at)
}

func seriesCells(series *instance) ([]any, error) {
	m, err := managerOf(series)
	if err != nil {
		return nil, fmt.Errorf("the Series: %w", err)
	}
	if len(m.blocks) != 1 {
		return nil, fmt.Errorf("the Series: it has %d blocks; the file is damaged", len(m.blocks))
	}
	return m.blocks[0].row(0)
}

// manager is the inside of a DataFrame: labels of columns and rows, and blocks of columns that have one type.
type manager struct {
	axes   []any
	blocks []block
}

// managerOf reads the manager of a DataFrame or Series.
func managerOf(frame *instance) (manager, error) {
	v, ok := lookup(frame.state, "_mgr")
	if !ok {
		v, _ = lookup(frame.state, "_data") // pandas 1.0
	}
	mgr, ok := instanceOf(v, roleManager)
	if !ok {
		return manager{}, fmt.Errorf("its data is %s; allowed: a BlockManager", describe(v))
	}
	var m manager
	if mgr.state != nil {
		m, ok = managerFromState(mgr.state)
	} else {
		m, ok = managerFromArgs(mgr)
	}
	if !ok || len(m.axes) == 0 {
		return manager{}, errors.New("its BlockManager is not one that pandas 1 to 3 write")
	}
	return m, nil
}

// managerFromArgs reads BlockManager(blocks, axes), as pandas writes it since 1.3.
func managerFromArgs(mgr *instance) (m manager, ok bool) {
	blocks, ok := sequence(mgr.arg(0))
	if !ok {
		return m, false
	}
	for _, v := range blocks {
		b, ok := instanceOf(v, roleBlock)
		if !ok {
			return m, false
		}
		m.blocks = append(m.blocks, block{values: b.arg(0), placement: b.arg(1)})
	}
	m.axes, ok = sequence(mgr.arg(1))
	return m, ok
}

// managerFromState reads the state that older versions write, and all versions for a Series: the fourth part is a dict
// with the version that brought it.
func managerFromState(state any) (m manager, ok bool) {
	parts, _ := sequence(state)
	if len(parts) < 4 {
		return m, false
	}
	v, _ := lookup(parts[3], "0.14.1")
	axes, _ := lookup(v, "axes")
	list, _ := lookup(v, "blocks")
	blocks, ok := sequence(list)
	if !ok {
		return m, false
	}
	for _, v := range blocks {
		var b block
		b.values, _ = lookup(v, "values")
		b.placement, _ = lookup(v, "mgr_locs")
		m.blocks = append(m.blocks, b)
	}
	m.axes, ok = sequence(axes)
	return m, ok
}

func listNames(names []any) string {
	var texts []string
	for i, n := range names {
		if i == maxListed {
			texts = append(texts, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		if s, ok := n.(string); ok {
			texts = append(texts, clip(s))
			continue
		}
		texts = append(texts, describe(n))
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}
