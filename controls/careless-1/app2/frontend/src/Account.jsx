import React, { useState } from "react";

async function send(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

export default function Account({ onToken }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [message, setMessage] = useState("");

  async function submit(path) {
    const answer = await send(path, { username, password });
    if (answer.token) onToken(answer.token);
    setMessage(answer.error || "Welcome");
  }

  return (
    <form onSubmit={(event) => event.preventDefault()}>
      <label>
        Username <input value={username} onChange={(event) => setUsername(event.target.value)} />
      </label>
      <label>
        Password{" "}
        <input
          type="password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </label>
      <button onClick={() => submit("/api/register")}>Register</button>
      <button onClick={() => submit("/api/login")}>Log in</button>
      <p role="status">{message}</p>
    </form>
  );
}
