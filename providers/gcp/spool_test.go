package gcp

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// filled makes a spool of two projects whose records do not fit into memory.
func filled(t *testing.T, temp string, most int) (*spool, map[string][]string) {
	t.Helper()
	s, want := newSpool(temp, map[string]bool{"1": true, "2": true, "3": true}), map[string][]string{}
	s.most = most
	for i := range 200 {
		project := fmt.Sprint(1 + i%2)
		record := fmt.Sprintf("record %d with a secret", i)
		if err := s.put(project, []byte(record)); err != nil {
			t.Fatal(err)
		}
		want[project] = append(want[project], record)
	}
	return s, want
}

func taken(s *spool, project string) (records []string, err error) {
	err = s.take(project, func(record []byte) error {
		records = append(records, string(record))
		return nil
	})
	return records, err
}

func TestSpool_GivesBackWhatItWasGiven(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 300, 1 << 20} {
		s, want := filled(t, t.TempDir(), most)
		for _, project := range []string{"2", "1", "3"} {
			got, err := taken(s, project)
			if diff := cmp.Diff(want[project], got); diff != "" || err != nil {
				t.Errorf("project %s with %d bytes in memory: %v %s", project, most, err, diff)
			}
			if _, err := taken(s, project); !errors.Is(err, errSpool) {
				t.Errorf("project %s was given twice: %v", project, err)
			}
		}
		if !s.closed {
			t.Error("the spool is still there after the last project")
		}
	}
}

func TestSpool_LeavesNoNameAndNoClearText(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	s, _ := filled(t, temp, 300)
	defer s.close()
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
	data := make([]byte, s.size)
	if _, err := s.file.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	if len(data) == 0 || bytes.Contains(data, []byte("secret")) {
		t.Errorf("%d bytes hold clear text", len(data))
	}
}

func TestSpool_KeepsNothingOfStrangersAndNothingOnceClosed(t *testing.T) {
	t.Parallel()
	s, _ := filled(t, t.TempDir(), 300)
	if err := s.put("4", nil); !errors.Is(err, errSpool) || s.holds("4") {
		t.Error(err)
	}
	s.close()
	s.close()
	if err := s.put("1", nil); !errors.Is(err, errSpool) {
		t.Error(err)
	}
	if _, err := taken(s, "1"); !errors.Is(err, errSpool) {
		t.Error(err)
	}
}

func TestSpool_NoticesWhatWasChanged(t *testing.T) {
	t.Parallel()
	s, _ := filled(t, t.TempDir(), 300)
	defer s.close()
	if _, err := s.file.WriteAt([]byte("x"), 20); err != nil {
		t.Fatal(err)
	}
	_, first := taken(s, "1")
	_, second := taken(s, "2")
	if !errors.Is(errors.Join(first, second), errSpool) {
		t.Error(first, second)
	}
}

func TestSpool_WhoseUserRefusesKeepsEverything(t *testing.T) {
	t.Parallel()
	s, want := filled(t, t.TempDir(), 300)
	refused := errors.New("refused")
	if err := s.take("1", func([]byte) error { return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if got, err := taken(s, "1"); len(got) != len(want["1"]) || err != nil {
		t.Errorf("%d records %v", len(got), err)
	}
}

func TestSpool_WithoutAPlace(t *testing.T) {
	t.Parallel()
	s := newSpool(t.TempDir()+"/missing", map[string]bool{"1": true})
	s.most = 0
	if err := s.put("1", []byte("x")); err == nil {
		t.Error("there is nowhere to put it")
	}
}
