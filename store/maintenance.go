package store

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Backup writes a consistent copy to a new file, also while a scan writes. A copy that fails leaves
// no file behind.
func (s *Store) Backup(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s exists: name a new file", path)
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db, err := connect(ctx, s.path, reading, 1)
	if err != nil {
		return err
	}
	if _, err = db.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		err = errors.Join(fmt.Errorf("copy %s to %s: %w", s.path, path, err), os.RemoveAll(path))
	}
	return errors.Join(err, db.Close())
}

// Vacuum gives unused space back to the file system.
func (s *Store) Vacuum(ctx context.Context) error {
	return s.alone(func() error {
		if _, err := s.write.ExecContext(ctx, `VACUUM`); err != nil {
			return fmt.Errorf("vacuum %s: %w", s.path, err)
		}
		return nil
	})
}
