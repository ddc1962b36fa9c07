/** A clock for what is counted while it runs. */

import { useEffect, useState } from "react";

/** The time in milliseconds, renewed every `interval` milliseconds; 0 stands still. */
export function useNow(interval: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (interval === 0) return;
    const timer = window.setInterval(() => setNow(Date.now()), interval);
    return () => window.clearInterval(timer);
  }, [interval]);
  return now;
}
