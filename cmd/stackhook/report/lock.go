package report

import (
	"errors"
	"os"
	"syscall"
)

// lock takes a lock that ends with the process, however that ends, or returns errBusy. It keeps out other goroutines too.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errBusy
		}
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return func() {
		syscall.Flock(int(file.Fd()), syscall.LOCK_UN) // also of a process that is just being started, and still has all our files
		file.Close()
	}, nil
}
