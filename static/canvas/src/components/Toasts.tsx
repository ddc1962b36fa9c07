/** Short messages at the bottom: what happened and what to do next. */

import { CircleAlert, Info, X } from "lucide-react";

import { actions, useStore } from "../store";
import { IconButton } from "./Button";
import styles from "./Toasts.module.css";

export function Toasts() {
  const toasts = useStore((state) => state.ui.toasts);
  return (
    <div className={styles.toasts} role="region" aria-label="Messages" aria-live="polite">
      {toasts.map((toast) => (
        <div
          key={toast.id}
          className={styles.toast}
          data-tone={toast.tone}
          role={toast.tone === "error" ? "alert" : "status"}
        >
          {toast.tone === "error" ? <CircleAlert aria-hidden="true" /> : <Info aria-hidden="true" />}
          <span>{toast.text}</span>
          {toast.action && (
            <button type="button" className={styles.action} onClick={toast.action.run}>
              {toast.action.label}
            </button>
          )}
          <IconButton label="Dismiss" onClick={() => actions().dismissToast(toast.id)}>
            <X />
          </IconButton>
        </div>
      ))}
    </div>
  );
}
