import React, { useEffect, useState } from "react";

export default function Reviews({ productId, token }) {
  const [reviews, setReviews] = useState([]);
  const [text, setText] = useState("");

  useEffect(() => {
    fetch(`/api/products/${productId}/reviews`)
      .then((response) => response.json())
      .then(setReviews);
  }, [productId]);

  async function add() {
    const response = await fetch(`/api/products/${productId}/reviews`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ text }),
    });
    if (response.ok) setReviews([...reviews, await response.json()]);
  }

  return (
    <section>
      <h2>Reviews</h2>
      {reviews.map((review) => (
        <article key={review.id}>
          <h3>{review.author}</h3>
          <div dangerouslySetInnerHTML={{ __html: review.text }} />
        </article>
      ))}
      <label>
        Your review <textarea value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      <button type="button" onClick={add}>
        Send
      </button>
    </section>
  );
}
