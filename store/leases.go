package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"cloudaudit/scanner"
)

// leaseTime is how long a lease lasts without a sign of life.
const leaseTime = 30 * time.Second

func accountLease(accountID int64) string { return fmt.Sprintf("account/%d", accountID) }

// byLock ends the name of an owner that holds a lock of the kernel beside its lease.
const byLock = ":locked"

// newOwner names this process and this taking: host, process id and something that never repeats.
func newOwner(locked lockState) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	owner := fmt.Sprintf("%s:%d:%s", host, os.Getpid(), uuid.NewString())
	if locked == lockTaken {
		owner += byLock
	}
	return owner
}

// people says who an owner is.
func people(owner string) string {
	parts := strings.Split(owner, ":")
	if len(parts) < 3 {
		return owner
	}
	return fmt.Sprintf("process %s on %s", parts[1], parts[0])
}

// take takes a lease, or fails with scanner.ErrBusy. Whoever holds one holds a lock of the kernel
// too, which its death lets go of; where there is none to ask, or the lease was taken from one who
// still had the lock, it passes on once it has run out. The epoch grows with every taking.
func (s *Store) take(ctx context.Context, tx *sql.Tx, name string, locked lockState) (epoch int64, err error) {
	var owner string
	var expires int64
	err = tx.QueryRowContext(ctx, `SELECT owner, epoch, expires_at FROM leases WHERE org_id = ? AND name = ?`, s.org.id, name).
		Scan(&owner, &epoch, &expires)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	now := s.now()
	died := locked == lockTaken && strings.HasSuffix(owner, byLock)
	if owner != "" && fromMicros(expires).After(now) && !died {
		return 0, fmt.Errorf("%w by %s until %s at least", scanner.ErrBusy, people(owner), fromMicros(expires).Format(time.TimeOnly))
	}
	epoch++
	_, err = tx.ExecContext(ctx, `
		INSERT INTO leases (org_id, name, owner, epoch, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (org_id, name) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch, expires_at = excluded.expires_at`,
		s.org.id, name, newOwner(locked), epoch, micros(now.Add(leaseTime)))
	return epoch, err
}

// checkLease fails with scanner.ErrLeaseLost if the scan's lease has passed to another.
func (s *Store) checkLease(ctx context.Context, db queryer, scan *scanner.Scan) error {
	var epoch int64
	err := db.QueryRowContext(ctx, `
		SELECT l.epoch FROM leases l JOIN scans s ON l.org_id = s.org_id AND l.name = 'account/' || s.account_id
		WHERE s.seq = ? AND s.status = 'running'`, scan.Seq).Scan(&epoch)
	if errors.Is(err, sql.ErrNoRows) || err == nil && epoch != scan.Epoch {
		return fmt.Errorf("scan %s: %w", scan.ID, scanner.ErrLeaseLost)
	}
	return err
}

// scanTx runs do in a transaction that only the owner of the scan can commit.
func (s *Store) scanTx(ctx context.Context, scan *scanner.Scan, do func(*batch) error) error {
	err := s.withTx(ctx, func(tx *sql.Tx) error {
		if err := s.checkLease(ctx, tx, scan); err != nil {
			return err
		}
		b := newBatch(tx)
		b.redaction = s.redaction
		return do(b)
	})
	if errors.Is(err, scanner.ErrLeaseLost) {
		s.locks.free(scan.Account.Key)
	}
	return err
}

// release lets go of a lease by ending it; the epoch stays, so that it never repeats.
func (s *Store) release(ctx context.Context, b *batch, name string) error {
	return b.exec(ctx, `UPDATE leases SET owner = '', expires_at = 0 WHERE org_id = ? AND name = ?`, s.org.id, name)
}
