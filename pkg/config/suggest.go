package config

// nearest gives the candidate with the fewest edits from s, empty when even that one differs in more than a third of s.
func nearest(s string, candidates []string) string {
	best, fewest := "", max(1, min(len(s)/3, 3))+1
	for _, c := range candidates {
		if n := editDistance(s, c); n < fewest {
			best, fewest = c, n
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b, in bytes
// (optimal string alignment). Long input is cut: no key is longer than 64.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	var before []int
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
