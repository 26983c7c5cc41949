package store

import (
	"database/sql"
	"fmt"
	"testing"
)

// ConnectionSettings reads settings of every connection of a store's pools, all of them taken at once.
func ConnectionSettings(t *testing.T, s *Store) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for name, pool := range map[string]*sql.DB{"write": s.write, "read": s.read} {
		for i := range pool.Stats().MaxOpenConnections {
			connection, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = connection.Close() }) // together, so that each is another one
			settings := map[string]string{}
			for _, setting := range []string{"foreign_keys", "busy_timeout", "journal_mode", "synchronous"} {
				var value string
				if err := connection.QueryRowContext(t.Context(), "PRAGMA "+setting).Scan(&value); err != nil {
					t.Fatal(err)
				}
				settings[setting] = value
			}
			all[fmt.Sprintf("%s %d", name, i)] = settings
		}
	}
	return all
}
