// The width of the window.

/** Whether the window is as narrow as that of a phone, which has styles of its own. */
export const isPhone = () => innerWidth <= 860;
