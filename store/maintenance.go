package store

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Check verifies the file's integrity and its foreign keys, and gives every fault that it finds.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	faults, err := s.integrity(ctx)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", s.path, err)
	}
	return faults, nil
}

// Backup writes a consistent copy to a new file, also while a scan writes.
func (s *Store) Backup(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s exists: name a new file", path)
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db := s.write
	if db == nil {
		db = s.read
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		return fmt.Errorf("copy %s to %s: %w", s.path, path, err)
	}
	return nil
}

// Vacuum gives unused space back to the file system.
func (s *Store) Vacuum(ctx context.Context) error {
	if _, err := s.write.ExecContext(ctx, `VACUUM`); err != nil {
		return fmt.Errorf("vacuum %s: %w", s.path, err)
	}
	return nil
}
