package store

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"sync"
)

// locks are those that a store holds. Leases are rows that say who owns what and until when; a lock
// of the kernel beside each tells at once when the owner has died. Locks are of single bytes of one
// empty file beside the database, so that one file serves for all of them, and each belongs to an
// open file of its own, so that two stores of one process keep each other out too.
type locks struct {
	path string
	mu   sync.Mutex
	held map[string]*os.File
}

// lockState is what trying a lock came to.
type lockState int

const (
	lockUnknown lockState = iota // the system or the file system has no such locks
	lockTaken
	lockRefused // another holds it
)

var errLocked = errors.New("another process holds the lock")

// try takes a lock, if nobody has it, this store included. A shared lock is refused only if somebody
// has it alone. The lock of the whole file, once held, changes from shared to alone and back.
func (l *locks) try(name string, shared bool) (lockState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	file := l.held[name]
	if file != nil && name != wholeFile {
		return lockRefused, nil
	}
	if file == nil {
		var err error
		if file, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			return lockUnknown, fmt.Errorf("open the file of locks: %w", err)
		}
	}
	err := lockByte(file, byteOf(name), shared)
	if err == nil {
		l.held[name] = file
		return lockTaken, nil
	}
	if l.held[name] == nil {
		_ = file.Close() // nothing was written
	}
	switch {
	case errors.Is(err, errLocked):
		return lockRefused, nil
	case errors.Is(err, errors.ErrUnsupported):
		return lockUnknown, nil
	}
	return lockUnknown, fmt.Errorf("lock %s: %w", l.path, err)
}

// free lets go of a lock, if it is held.
func (l *locks) free(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if file := l.held[name]; file != nil {
		_ = file.Close() // nothing was written
		delete(l.held, name)
	}
}

func (l *locks) freeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, file := range l.held {
		_ = file.Close() // nothing was written
		delete(l.held, name)
	}
}

// byteOf gives each name a place of its own in the file of locks, which has no size: with 2^62
// places two names do not meet.
func byteOf(name string) int64 {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return int64(hash.Sum64() >> 2)
}

// wholeFile names the lock that everybody shares who may write, and that compacting and migrating
// take alone.
const wholeFile = ""

// share locks the database among those who may write.
func (s *Store) share() error {
	state, err := s.locks.try(wholeFile, true)
	if state == lockRefused {
		return fmt.Errorf("%s is being compacted or migrated by another process: try again when it is done", s.path)
	}
	return err
}

// alone runs what needs the database for itself.
func (s *Store) alone(do func() error) error {
	state, err := s.locks.try(wholeFile, false)
	switch {
	case err != nil:
		return err
	case state == lockRefused:
		return fmt.Errorf("%s is in use by another process: stop it first", s.path)
	}
	return errors.Join(do(), s.share())
}
