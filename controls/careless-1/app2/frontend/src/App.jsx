import React, { useEffect, useState } from "react";
import Account from "./Account.jsx";
import Reviews from "./Reviews.jsx";

export default function App() {
  const [products, setProducts] = useState([]);
  const [selected, setSelected] = useState(null);
  const [token, setToken] = useState("");
  const [term, setTerm] = useState("");

  useEffect(() => {
    fetch(`/api/search?q=${encodeURIComponent(term)}`)
      .then((response) => response.json())
      .then(setProducts);
  }, [term]);

  return (
    <main>
      <h1>Shop</h1>
      <Account onToken={setToken} />
      <label>
        Search <input value={term} onChange={(event) => setTerm(event.target.value)} />
      </label>
      <ul>
        {products.map((product) => (
          <li key={product.id}>
            {product.name}, {product.price} EUR{" "}
            <button type="button" onClick={() => setSelected(product.id)}>
              Reviews
            </button>
          </li>
        ))}
      </ul>
      {selected && <Reviews productId={selected} token={token} />}
    </main>
  );
}
