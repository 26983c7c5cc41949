package library

import (
	"cmp"
	"errors"
	"math/big"
	"slices"
	"strings"
)

// version is a version taken apart.
type version struct {
	product string
	numbers []*big.Int
	early   string // the word that makes it older than without
	build   []*big.Int
}

var errNoVersion = errors.New("not a version")

// early are the words that make a version older than the same without them, the oldest first.
var early = []string{"dev", "snapshot", "nightly", "alpha", "beta", "preview", "pre", "rc"}

// CompareVersions gives -1, 0 or 1 as the first version is older than, the same as or newer than the
// other. Letters in front name a product and do not count (v1.2, nodejs20.x, TLS1_2, POSTGRES_15), nor
// does what follows "+". Parts between ".", "-", "_" and spaces are compared as numbers, a missing one
// is 0, and so is "x". Of the words in later parts, those for what comes before a release make a
// version older than without (1.2-beta, 1.2); others do not count (1.27.3-gke.100 is newer than
// 1.27.3).
func CompareVersions(a, b string) (int, error) {
	left, err := parseVersion(a)
	if err != nil {
		return 0, err
	}
	right, err := parseVersion(b)
	if err != nil {
		return 0, err
	}
	return cmp.Or(
		compareNumbers(left.numbers, right.numbers), cmp.Compare(left.rank(), right.rank()), compareNumbers(left.build, right.build),
	), nil
}

// rank orders versions of the same numbers by their word.
func (v version) rank() int {
	if v.early == "" {
		return len(early)
	}
	return slices.Index(early, v.early)
}

func compareNumbers(a, b []*big.Int) int {
	zero := new(big.Int)
	at := func(all []*big.Int, i int) *big.Int {
		if i < len(all) {
			return all[i]
		}
		return zero
	}
	for i := range max(len(a), len(b)) {
		if order := at(a, i).Cmp(at(b, i)); order != 0 {
			return order
		}
	}
	return 0
}

// Product is what the letters in front of a version name, in lower case: nodejs of nodejs20.x.
func Product(source string) string {
	source = strings.ToLower(strings.TrimSpace(source))
	end := strings.IndexAny(source, "0123456789._- |:/")
	if end < 0 {
		end = len(source)
	}
	return source[:end]
}

// maxVersion bounds how long a version may be.
const maxVersion = 256

func parseVersion(source string) (version, error) {
	if len(source) > maxVersion {
		return version{}, errNoVersion
	}
	source, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(source)), "+")
	v := version{product: Product(source)}
	for i, part := range strings.FieldsFunc(source[len(v.product):], separates) {
		v.add(part, i == 0)
	}
	if len(v.numbers) == 0 {
		return version{}, errNoVersion
	}
	return v, nil
}

func separates(r rune) bool { return strings.ContainsRune("._- |:/", r) }

// add reads a part: digits, and letters before or after them.
func (v *version) add(part string, first bool) {
	word := strings.TrimLeft(part, "0123456789")
	digits := part[:len(part)-len(word)]
	if digits == "" {
		word = strings.TrimRight(part, "0123456789")
		digits = part[len(word):]
	}
	if slices.Contains(early, word) && v.early == "" && !first {
		v.early = word
		if digits != "" && strings.HasPrefix(part, digits) { // 2beta is the number 2, then beta
			v.numbers = append(v.numbers, number(digits))
			return
		}
	}
	switch {
	case word == "x" && digits == "":
		v.numbers = append(v.numbers, new(big.Int))
	case digits == "":
	case v.early != "":
		v.build = append(v.build, number(digits))
	default:
		v.numbers = append(v.numbers, number(digits))
	}
}

func number(digits string) *big.Int {
	n, _ := new(big.Int).SetString(digits, 10)
	return n
}
