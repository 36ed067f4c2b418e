package telemetry

import (
	"slices"
	"strconv"
	"strings"
)

// CPUList is a list of processors as the kernel writes it, such as 0-3,8: ranges, the first and the last of each included.
type CPUList [][2]int

// ParseCPUList reads a list; ok is false for what is none, the empty text included.
func ParseCPUList(text string) (list CPUList, ok bool) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.Atoi(first)
		to := from
		if isRange && err == nil {
			to, err = strconv.Atoi(last)
		}
		if err != nil || from < 0 || to < from {
			return nil, false
		}
		list = append(list, [2]int{from, to})
	}
	return list, true
}

// Count is the number of processors in the list.
func (l CPUList) Count() int {
	n := 0
	for _, r := range l {
		n += r[1] - r[0] + 1
	}
	return n
}

// Has reports whether a processor is in the list.
func (l CPUList) Has(processor int) bool {
	return slices.ContainsFunc(l, func(r [2]int) bool { return r[0] <= processor && processor <= r[1] })
}
