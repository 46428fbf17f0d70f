package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"stackhook/models"
	"stackhook/models/store"
)

const (
	// sessionAge ends a session in any case; one that is not used ends after models.SessionIdle.
	sessionAge = 14 * 24 * time.Hour
	// cookieAge is longer than any session: a form that is sent too late still says whose it is, see forms.go.
	cookieAge = 30 * 24 * time.Hour

	maxDevice = 255 // bytes kept of the User-Agent header
)

// cookie is what a browser keeps, sealed: the session's id, and whose session it is or was.
type cookie struct {
	ID   string `json:"id"`
	User int64  `json:"user"`
}

// sessionStore is a sessions.Store over the database, which holds a hash of the id only.
type sessionStore struct {
	db   *store.Store
	name string
	seal *securecookie.SecureCookie
	with sessions.Options
}

func newSessionStore(db *store.Store, secure bool, hash, block []byte) *sessionStore {
	s := &sessionStore{db: db, name: "stackhook", seal: securecookie.New(hash, block)}
	if secure {
		s.name = "__Host-stackhook" // browsers take it over https only, from this host, for all paths
	}
	s.seal.SetSerializer(securecookie.JSONEncoder{}).MaxAge(int(cookieAge.Seconds()))
	s.with = sessions.Options{
		Path: "/", MaxAge: int(cookieAge.Seconds()), Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	return s
}

// Keys of a session's values. The row is the session as stored; without it there is none, or it ended. The person is
// whose it was.
type valueKey int

const (
	rowKey valueKey = iota
	personKey
)

// Get returns the request's session, a new one if it has none.
func (s *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session from the cookie and the database. A cookie that is forged or too old is none.
func (s *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := s.with
	session.Options, session.IsNew = &options, true
	sent, err := r.Cookie(name)
	if err != nil {
		return session, nil
	}
	var c cookie
	if s.seal.Decode(name, sent.Value, &c) != nil {
		return session, nil
	}
	session.Values[personKey] = c.User
	row, err := s.db.Session(r.Context(), store.HashCredential(c.ID), models.SessionIdle)
	if errors.Is(err, models.ErrNotFound) {
		return session, nil
	}
	if err != nil {
		return session, fmt.Errorf("load a session: %w", err)
	}
	session.ID, session.IsNew, session.Values[rowKey] = row.ID, false, row
	restoreNotices(session, row.Data)
	return session, nil
}

// Save stores a new session and gives the browser its cookie, stores the notices of one that is there, or ends one whose
// age is negative.
func (s *sessionStore) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	row, _ := session.Values[rowKey].(models.Session)
	switch {
	case session.Options.MaxAge < 0:
		http.SetCookie(w, sessions.NewCookie(session.Name(), "", session.Options))
		return s.db.DeleteSession(r.Context(), row.ID)
	case !session.IsNew:
		return s.db.SetSessionData(r.Context(), row.ID, data(session))
	}
	id := rand.Text()
	row.ID, row.Data = store.HashCredential(id), data(session)
	if err := s.db.SaveSession(r.Context(), row); err != nil {
		return err
	}
	session.ID, session.IsNew, session.Values[rowKey] = row.ID, false, row
	value, err := s.seal.Encode(session.Name(), cookie{ID: id, User: row.UserID})
	if err != nil {
		return fmt.Errorf("seal a session's cookie: %w", err)
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), value, session.Options))
	return nil
}

// viewer returns who the request's session belongs to, nobody if there is none.
func (s *sessionStore) viewer(r *http.Request) (models.Viewer, error) {
	session, err := s.Get(r, s.name)
	if err != nil {
		return models.Viewer{}, err
	}
	row, is := session.Values[rowKey].(models.Session)
	if !is {
		return models.Viewer{}, nil
	}
	v, err := s.db.SessionViewer(r.Context(), row)
	if errors.Is(err, models.ErrNotFound) { // the person was deactivated
		return models.Viewer{}, nil
	}
	return v, err
}

// holder returns whose session that is, for what goes on after its request was checked. It does not keep the session from
// being idle.
func (s *sessionStore) holder(ctx context.Context, id string) (models.Viewer, error) {
	row, err := s.db.Session(ctx, id, models.SessionIdle)
	if err != nil {
		return models.Viewer{}, err
	}
	return s.db.SessionHolder(ctx, row)
}

// Kinds of notices of a session.
const (
	done = "done" // what was asked for has happened
	told = "told" // something else that the person should know
)

// data is what is stored of a session beside its row: the notices of the next page, by kind.
func data(session *sessions.Session) []byte {
	notices := map[string]any{}
	for _, kind := range []string{done, told} {
		if messages, waiting := session.Values[kind]; waiting {
			notices[kind] = messages
		}
	}
	if len(notices) == 0 {
		return nil
	}
	text, err := json.Marshal(notices)
	if err != nil {
		panic("web: a notice is no text: " + err.Error()) // only texts are added
	}
	return text
}

// restoreNotices adds what data made.
func restoreNotices(session *sessions.Session, data []byte) {
	var notices map[string][]string
	if len(data) == 0 || json.Unmarshal(data, &notices) != nil { // or it is of another version of the server
		return
	}
	for kind, messages := range notices {
		for _, m := range messages {
			session.AddFlash(m, kind)
		}
	}
}
