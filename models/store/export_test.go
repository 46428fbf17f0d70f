package store

// TamperWithAudit tries what nobody may do.
func TamperWithAudit(s *Store) error {
	return s.write.Exec(`UPDATE audit_records SET actor_name = 'somebody else'`).Error
}

// CommitWithin bounds how long a caller waits.
const CommitWithin = commitWithin

// Listen listens as a replica does, until it is ended.
func Listen(url string) (end func()) {
	return newListener(&Store{changed: make(chan struct{})}, url).close
}

// Exec runs a statement beside the store's own.
func Exec(s *Store, text string, args ...any) error { return s.write.Exec(text, args...).Error }
